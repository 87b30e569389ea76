"""What verse is made of: rhyme books, sounds, the patterns of forms and tunes, and `verse`, the machine of tones and
rhyme.
"""
