"""From a request to tokens: many texts, one forward pass, one draw each.

`scheduler` packs the rows of all requests into one call of the model (`packing`). `generation` is one request under way.
A decoder (`sample`, `beam`, `smc`) picks tokens by `sampling`. `viable` and `rows` find out which tokens have a legal
rest.
"""
