"""When the memory of a device is full, that is one sentence, and nothing is lost."""

import pytest
import torch
from tiny import TinyTokenizer, chars

from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import TableModel

FULL = (torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("MPS backend out of memory (GiB)"))


class Small(TableModel):
    """A model whose memory is full in pass `fails`."""

    fails = 0
    problem = FULL[0]

    def feed(self, *given):
        if self.fed + 1 == self.fails:
            self.fed += 1
            raise self.problem
        return super().feed(*given)


def small_engine(**options):
    model = Small(TinyTokenizer(chars("abc")))
    vars(model).update(options)
    return Engine(model)


@pytest.mark.parametrize("problem", FULL)
def test_a_full_memory_is_one_sentence_with_remedies(problem):
    with pytest.raises(GenError, match=r"^The device has not enough memory .*--num.*--device cpu\)\.$") as caught:
        small_engine(fails=2, problem=problem).generate("a", processors=["length=4"], seed=1)
    assert caught.value.__cause__ is None  # which would keep the tensors of the step


def test_texts_finished_before_are_kept():
    engine = small_engine(fails=7)
    found = engine.completions("a", processors=["length=4"], num=80, seed=1)
    done = [next(found) for _ in range(64)]
    with pytest.raises(GenError, match="not enough memory"):
        list(found)
    assert done == small_engine().generate("a", processors=["length=4"], num=64, seed=1)


def test_the_engine_goes_on_afterwards():
    engine = small_engine(fails=2)
    with pytest.raises(GenError, match="not enough memory"):
        engine.generate("a", processors=["length=4"], num=9, seed=1)
    assert engine.generate("a", processors=["length=4"], seed=1) == small_engine().generate(
        "a", processors=["length=4"], seed=1
    )


def test_other_errors_of_a_model_stay_what_they_are():
    with pytest.raises(RuntimeError, match="shape"):
        small_engine(fails=2, problem=RuntimeError("shape mismatch")).generate("a", processors=["length=4"], seed=1)


def test_a_shaper_that_fills_the_memory_fails_its_own_request():
    def greedy_shaper(step, logits):
        raise FULL[0]

    with pytest.raises(GenError, match="not enough memory for the texts that are being written"):
        small_engine().generate("a", processors=["length=4", greedy_shaper], seed=1)
