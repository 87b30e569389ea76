"""Hard rules of the core: machines over characters (`strings`, `repeats`, `stops`, `finite`, `regex`, `brackets`),
and the factories that give them their names in a chain (`builtin`).
"""
