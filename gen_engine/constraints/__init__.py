"""Hard rules of the core, which are machines over characters.

One kind of rule each: `bans` (also of [UNK]), `lengths`, `repeats`, `stops`, `regex`, `finite` (`choice`), `brackets`.
`strings` is what several of them are made of.
"""
