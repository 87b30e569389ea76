"""How well labels were guessed, beside a baseline, as tables and pictures."""
