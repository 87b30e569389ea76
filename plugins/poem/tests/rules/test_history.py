"""What is drawn is a function of the request and its seed: not of what the engine was asked before."""

import pytest

from gen_engine.engine import Engine, Request
from gen_engine.testing.models import table_model

WISHES = (
    ("form=七绝,tones=off,book=xinyun,first=rhymed", "distinct_rhymes=七绝,tones=off,book=xinyun,first=rhymed",
     "template='□□□边下□□，□□□□听□□。□□□□□关我，□□□人□□□。'"),
    ("form=五绝,tones=off", "no_repeat=2,exempt=punctuation"), ("form=五绝,tones=off,book=xinyun", "acrostic=关我"),
    ("form=3x4", "require=乐|生|听|树", "distinct"),
)  # fmt: skip


@pytest.mark.parametrize("shaper", ["top_p=0.8", "top_k=2", "min_p=0.3", "temperature=0.7"])
@pytest.mark.parametrize("wishes", WISHES)
def test_earlier_draws_do_not_change_later_ones(wishes, shaper):
    requests = [Request("", ("no_special", *wishes, shaper), 2, seed, 40) for seed in range(8)]
    used = engine()
    before = [each.text for done in used.generate_batch(requests) for each in done]
    again = [[each.text for each in used.generate_batch([request])[0]] for request in requests[::-1]]
    fresh = [each.text for request in requests for each in engine().generate_batch([request])[0]]
    assert before == [text for texts in again[::-1] for text in texts] == fresh


def engine():
    return Engine(table_model("", *"上下人云乐关听声折我暂枉树江生与边", "，", "。", end=0, salt=1))
