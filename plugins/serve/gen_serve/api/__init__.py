"""The endpoints, each module with the types of its requests. No engine is known here."""
