"""The constraints of a request as a logits processor of vLLM, which finds it by its own entry point: `processor`.

It has no hooks of ours. Importing it imports nothing.
"""
