"""Looking at a chain and at a text: `lint` tells what is wrong with a chain, `explain` what each choice of a text
cost.
"""
