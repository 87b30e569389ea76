"""What tests of int8 next-character models share: the models, and what a cache of theirs holds."""

import json
import tempfile
from pathlib import Path

from nextchar_models import ENCODER, FC, LSTM, write

import gen_nextchar
from gen_engine.compiled.transformer import Int8Transformer

LEFT_ENCODER = ENCODER | {"is_decoder": True, "use_cache": False}
LEFT = [
    {"kind": "fc", "encoder": LEFT_ENCODER},
    {"kind": "lstm", "encoder": LEFT_ENCODER},
    {"kind": "lstm", "encoder": LEFT_ENCODER, "attention": True, "skip_special": True, "layers": 2, "tie": False},
]
TWO_WAYS = [LSTM[3], LSTM[13], LSTM[31], FC[0], FC[10], FC[23]]
ODD = [
    {"kind": "fc", "encoder": LEFT_ENCODER, "variable": True},
    {"kind": "lstm", "encoder": LEFT_ENCODER, "pooler": True},
]
KINDS = [*LEFT, *TWO_WAYS, *ODD]


_known = {}


def load_int8(options):
    """The model of a combination of options in int8, loaded once."""
    key = json.dumps(options)
    if key not in _known:
        folder = write(Path(tempfile.mkdtemp()), options)
        _known[key] = gen_nextchar.loaders()[f"bert-{options['kind']}"](folder, name="tiny", dtype="int8")
    return _known[key]


def read(model, *rows):
    """Logits [rows, vocab] after each row, all read in one call."""
    return model.feed(model.open(len(rows)), [-1] * len(rows), [0] * len(rows), rows)


def used_pages(rows, *, kept=False):
    """How many pages of a cache are taken or, `kept`, belong to one of its windows."""
    if kept:
        return len({page for window in rows.windows if window is not None for page in window.row.pages})
    return len(rows.pages.addresses) - len(rows.pages._free)


def records(monkeypatch):
    """A list of how many tokens each call of an encoder reads from now on."""
    counts, step = [], Int8Transformer.step

    def counted(self, call):
        counts.append(len(call.ids))
        return step(self, call)

    monkeypatch.setattr(Int8Transformer, "step", counted)
    return counts
