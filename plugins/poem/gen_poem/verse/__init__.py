"""What verse is made of: rhyme books, the patterns of forms and tunes, and `verse`, the machine of tones and rhyme."""
