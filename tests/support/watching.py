"""Sampling that notes what a decoder is sent."""

from gen_engine.decoding.sample import sample


def watching(seen, note):
    """A decoder that samples, and notes `note(scores)` of each step in `seen`."""

    def decoder(generation):
        run, told = sample(generation), None
        while True:
            try:
                told = yield run.send(told)
            except StopIteration:
                return
            seen.append(note(told))

    return decoder
