"""What the tests call the tiny vocabularies and models of `gen_engine.testing`."""

from functools import partial

from gen_engine.engine import Engine
from gen_engine.testing.models import SHAPES, LongestMatch, TableModel, shaped, tiny_vocabulary

TinyTokenizer = partial(LongestMatch, start=0, fallback=0)
vocabulary = partial(tiny_vocabulary, end=None, specials=())


def chars(text, **options):
    """A vocabulary of single characters whose token 0 is the end."""
    return vocabulary("", *text, end=0, specials=(0,), **options)


def engine_of(vocab, shape="normal", salt=0):
    return Engine(TableModel(TinyTokenizer(vocab), shape=shape, salt=salt))


__all__ = ["SHAPES", "LongestMatch", "TinyTokenizer", "chars", "engine_of", "shaped", "vocabulary"]
