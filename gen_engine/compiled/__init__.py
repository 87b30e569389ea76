"""The compiled step: int8 layers and draws in C++, with the same bits in numpy; nothing here imports torch."""
