"""The public test kit: tiny exact models, on which any decoder can be checked against full enumeration."""
