"""From a request to tokens: many texts, one forward pass, one draw each.

`scheduler` packs the rows of all requests into one call of the model (`packing`); `sequences` is one request on its
way; a decoder (`sample`, `beam`, `smc`) picks tokens by `sampling`, of those that `viable` and `rows` found to have a
rest.
"""
