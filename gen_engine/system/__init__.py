"""The program's surroundings.

The terminal: `screen`, `tables`, `help_pages`, `underway`. Streams and signals: `streams`, `interrupts`. Files of text,
and how much of them is read: `text_files`, `bounds`. And `fonts`.
"""
