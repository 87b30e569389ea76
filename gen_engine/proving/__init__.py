"""No token without a witness: a rest that obeys every constraint is found, or it is proven that there is none.

Read in this order:
- `lifting` turns a machine over characters into one over tokens.
- `rule` is one constraint with its name, `product` all constraints at once.
- `states` holds their joint states, one object each.
- `automaton` computes the distance to the end.
- `prover` searches for a rest.
- `conflicts` finds which constraints admit no text together.

The others give quick answers: `histories` and `sufficient` for many rows at once; `matching`, `distinct`, `needs`,
`rooms`, `alike` and `detours` for the prover.
"""
