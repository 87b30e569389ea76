"""What is chosen in one pass is what is chosen by calling the shapers in torch."""

import subprocess
import sys
from dataclasses import replace
from math import inf, nan
from operator import attrgetter

import numpy as np
import pytest
import tiny
from watching import watching

from gen_engine.chain import Chain
from gen_engine.decoding import choosing
from gen_engine.testing.models import TableModel

CHAINS = (
    (),
    ("top_k=5", "temperature=0.8"),
    ("temperature=1.3", "top_p=0.9", "repetition_penalty=1.2"),
    ("min_p=0.1", "frequency_penalty=0.5,prompt=true", "presence_penalty=0.3,window=2"),
    ("avoid_repeat=4", "top_k=3", "logit_bias=甲:2|乙:-3"),
)
DECODERS = ("sample", "greedy", "beam=4", "smc=4")
CHOSEN = attrgetter("chosen")
VOCABULARY = tiny.chars("甲乙丙丁戊己庚辛壬癸，。")


def written(shape, chain, decoder):
    engine = tiny.engine_of(VOCABULARY, shape)
    return engine.generate("丙", processors=("no_repeat=2", *chain), num=4, seed=5, max_new=9, decoder=decoder)


@pytest.mark.parametrize("shape", ["normal", "holes"])
@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("chain", CHAINS)
def test_whole_texts_are_those_of_shapers_in_torch(chain, decoder, shape, monkeypatch):
    found = written(shape, chain, decoder)
    monkeypatch.setattr(Chain, "fused", None)
    other = written(shape, chain, decoder)
    for one, two in zip(found, other, strict=True):
        assert replace(one, log_evidence=None) == replace(two, log_evidence=None)
        assert one.log_evidence == pytest.approx(two.log_evidence, abs=1e-5)


BAD = {
    "nothing likely": ([-inf] * 5, ()),
    "all the same": ([inf, 0, inf, 1, 2], ()),
    "no number": ([nan, 0, 1, nan, 2], ()),
    "overflowing": ([3e38, 3e38, -3e38, 1, 2], ("temperature=0.001",)),
    "a penalty too much": ([3e38, 3e38, 1, 1, 2], ("repetition_penalty=0.01",)),
}


def drawn_from(row, shapers, decoder="sample"):
    """A text of one token from a row of logits after the prompt."""
    vocabulary = tiny.chars("abcd")
    table = {(): row}
    engine = tiny.Engine(TableModel(tiny.TinyTokenizer(vocabulary), table=table))
    return engine.generate(
        "ab", processors=["length=1", "top_k=3", *shapers, "min_p=0.1"], num=5, seed=3, decoder=decoder
    )


@pytest.mark.parametrize("case", BAD)
def test_bad_rows_are_drawn_warily_as_in_torch(case, monkeypatch):
    row, shapers = BAD[case]
    found = drawn_from(row, shapers)
    assert {done.undone for done in found} == {shapers}
    monkeypatch.setattr(Chain, "fused", None)
    other = drawn_from(row, shapers)
    assert [done.text for done in found] == [done.text for done in other]
    assert [done.undone for done in found] == [done.undone for done in other]


WITHOUT_TORCH = """
import sys
import numpy as np
from gen_engine.engine import Engine
from gen_engine.testing.models import TableModel, LongestMatch, tiny_vocabulary

class Numbers(TableModel):
    def feed(self, cache, parents, keep, tokens, last=None, pinned=None):
        cache[:] = [(*(cache[p][:k] if p >= 0 else ()), *new) for p, k, new in zip(parents, keep, tokens)]
        size, wanted = len(self.tokenizer.vocabulary), last or [1] * len(cache)
        return np.stack([
            np.random.default_rng(row[: len(row) - back]).normal(0, 2, size).astype(np.float32)
            for row, count in zip(cache, wanted) for back in reversed(range(count))
        ])

vocabulary = tiny_vocabulary("", *"abcdefgh", end=0, specials=(0,))
engine = Engine(Numbers(LongestMatch(vocabulary, 0, 0)))
chain = ["no_repeat=2", "top_k=4", "temperature=0.8", "top_p=0.9", "frequency_penalty=1", "avoid_repeat=1"]
for decoder in ("sample", "greedy", "beam=3", "smc=4"):
    assert engine.generate("ab", processors=chain, num=3, seed=1, max_new=6, decoder=decoder)
print("torch" in sys.modules)
engine.generate("ab", processors=["length=3", "typical=0.5"], seed=1)
print("torch" in sys.modules)
"""


def test_torch_is_imported_only_for_a_shaper_that_needs_it():
    ran = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True"]


def test_rows_are_made_only_when_asked_for():
    seen = []
    chain = ["length=4", "top_k=3"]
    tiny.engine_of(VOCABULARY).generate("", processors=chain, num=3, seed=1, decoder=watching(seen, CHOSEN))
    assert seen
    assert all(not chosen._made for chosen in seen)
    assert np.isfinite(seen[0].row(0)).sum() == 3


@pytest.mark.parametrize("row", [[-inf] * 5, [nan, 0, 1, nan, 2], [1, 2, 3, 4, 5]])
def test_the_tokens_left_are_those_of_the_row(row):
    seen = []
    drawn_from(row, (), decoder=watching(seen, CHOSEN))
    assert seen[0].left(0) == np.flatnonzero(np.isfinite(seen[0].row(0))).tolist() != []
    assert seen[0].count(0) == len(seen[0].left(0))


def test_rows_that_keep_many_tokens_are_made_together(monkeypatch):
    seen = []
    monkeypatch.setattr(choosing, "MOST_KEPT", 1)
    tiny.engine_of(VOCABULARY).generate(
        "", processors=["top_k=3"], max_new=2, num=3, seed=1, decoder=watching(seen, CHOSEN)
    )
    assert list(seen[1]._made) == [0, 1, 2]
