"""How good poems and couplets are, in figures and pictures."""
