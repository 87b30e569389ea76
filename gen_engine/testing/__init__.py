"""The public test kit: tiny exact models, and the laws that any plugin can check itself against."""
