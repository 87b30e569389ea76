"""`--card`: pictures of texts. `squares` splits a text, `layout` sets it, `svg` and `png` draw it, by `faces`."""
