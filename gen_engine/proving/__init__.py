"""No token without a witness: a rest that obeys every constraint is found, or it is proven that there is none.

Read in this order: `lifting` (a machine over characters becomes one over tokens), `rule` (one constraint with its
name), `product` (all constraints at once), `states` (their joint states, one object each), `automaton` (how far the
end is), `prover` (the search for a rest), `conflicts` (which constraints admit no text together). The others give
quick answers: `histories` and `sufficient` to many rows at once, `matching`, `distinct`, `needs`, `rooms`, `alike`
and `detours` to the prover.
"""
