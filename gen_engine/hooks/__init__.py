"""Plugins.

`hookspecs` are the hooks, `registry` finds plugins, and `specs` reads how users write processors. `packages` writes a
new plugin from the template beside it. Only this folder imports pluggy, and it imports no tensors.
"""
