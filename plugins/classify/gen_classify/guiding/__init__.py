"""The shaper `guide`: a classifier steers generation towards a label."""
