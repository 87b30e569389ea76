"""What is around the program: the terminal (`screen`, `tables`, `help_pages`, `underway`), its streams and signals
(`streams`, `interrupts`), files of text and how much of them is read (`text_files`, `bounds`), fonts.
"""
