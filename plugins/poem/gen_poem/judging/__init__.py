"""Which rule a text breaks, where, in words: `check` for a form or a tune that is named, `recognise` where none is."""
