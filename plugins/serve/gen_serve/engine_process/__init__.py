"""The process that computes: it has the engines, and steps their schedulers. No HTTP is known here."""
