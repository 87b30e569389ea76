"""Machines over characters become machines over tokens.

`promises` lists what a constraint may say beyond its four functions. `lift` is the lift; `walks` and `narrowing` do it
for all tokens of a large vocabulary at once. `partitions` and `token_classes` find out which tokens behave alike.
"""
