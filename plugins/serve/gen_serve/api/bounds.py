"""What may be asked for at most, the same under each endpoint; a server's own bounds (`--max-n` ...) may be lower."""

SEED = 2**63 - 1
"""The largest seed; the smallest is 0, as of the commands."""

LONGEST = 100_000
"""The most characters or tokens of what a model reads."""

TEXTS = 1024
"""The most texts of a request, and the most prompts."""
