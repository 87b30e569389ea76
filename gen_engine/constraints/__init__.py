"""Hard rules of the core: machines over characters (`strings`, `repeats`, `stops`, `finite`, `regex`, `brackets`),
and the names that people give them (`builtin`).
"""
