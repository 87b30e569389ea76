"""The shaper `guide`: a classifier of texts steers what is written."""
