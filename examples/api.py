"""The Python API on the model of verse: completions, a stream, a batch that writes what single requests write, and what
a model is told before its text."""

import gen_engine as gen

engine = gen.load("poem")
for c in engine.generate("白", processors=["top_k=50"], num=3, seed=7, max_new=24):
    print(c.text, round(c.logprob, 2))

for piece in engine.stream("白", seed=7):
    print(piece, end="")
print()

requests = [gen.Request("白", seed=1, max_new=24), gen.Request("青山", seed=2, max_new=24)]
batch = engine.generate_batch(requests)
alone = [engine.generate_batch([request])[0] for request in requests]
assert [c.text for completions in batch for c in completions] == [c.text for completions in alone for c in completions]

about = engine.note.write({"title": "秋夜", "author": "李白"})  # as this model was trained to be told
[told] = engine.generate("白", seed=1, max_new=24, context=about)
print(repr(about), told.text)
