"""What every trainer of gen-engine shares: reading data, batching, optimising, checkpointing, reporting."""

__version__ = "0.4.0"
