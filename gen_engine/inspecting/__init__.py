"""Inspects a chain or a text: `lint` finds what is wrong with a chain, `explain` what each choice of a text cost."""
