"""Texts that every machine is to write: `python tests/support/portable.py` writes portable.json beside this file anew.

The file holds requests and what came out: texts, and log-probabilities to the last bit. It is made anew when a model or
the arithmetic is changed on purpose.
"""

import json
from pathlib import Path

import gen_engine as gen

FILE = Path(__file__).with_name("portable.json")

REQUESTS = [
    {"model": "poem", "prompt": "白", "processors": ["form=4x5"], "max_new": 24, "seed": 1, "num": 3},
    {"model": "poem", "prompt": "春", "processors": ["form=七绝,rhyme=东", "top_k=50", "temperature=0.9"],
     "max_new": 32, "seed": 2, "num": 2},
    {"model": "poem", "prompt": "秋", "processors": ["form=五律", "top_p=0.9"], "max_new": 48, "decoder": "greedy"},
    {"model": "poem", "prompt": "月", "processors": ["form=五绝"], "max_new": 24, "seed": 3,
     "decoder": "beam,width=3,length_penalty=0.7"},
    {"model": "poem", "prompt": "山", "processors": ["form=五绝", "no_repeat=20,exempt=punctuation"],
     "max_new": 24, "seed": 4, "decoder": "smc,particles=4", "num": 2},
    {"model": "novel", "prompt": "宝玉道", "processors": ["no_unk", "repetition_penalty=1.2", "min_p=0.05"],
     "max_new": 300, "seed": 5},
    {"model": "novel", "prompt": "宋江", "processors": ["presence_penalty=0.5", "frequency_penalty=0.2"],
     "max_new": 40, "seed": 6, "num": 3},
    {"model": "bert-lstm-novel", "prompt": "黛玉", "processors": ["top_k=20"], "max_new": 50, "seed": 7},
    {"model": "bert-fc-novel", "prompt": "黛玉", "processors": ["top_k=20"], "max_new": 50, "seed": 8, "num": 2},
]  # fmt: skip


def written(request):
    """The texts of a request and the numbers beside them, as JSON can keep them exactly."""
    options = dict(request)
    engine = gen.load(options.pop("model"), dtype="int8")
    found = engine.generate(options.pop("prompt"), **options)
    return [
        {"text": each.text, "logprobs": [value.hex() for value in each.logprobs], "portable": each.portable}
        for each in found
    ]


if __name__ == "__main__":
    expected = [{"request": request, "written": written(request)} for request in REQUESTS]
    FILE.write_text(json.dumps(expected, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
