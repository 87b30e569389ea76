"""README's tour is what happens: the files that `gen poem` is in when its chain is made, the model is asked, a token is
drawn, taken and printed."""

import re
import sys
from pathlib import Path

import pytest

from gen_engine.cli.main import main

ROOT = Path(__file__).parents[1]
COMMAND = "gen poem --prompt 白 --rows 4 --cols 5"
MOMENTS = {
    "gen_engine/chain.py": "make_chain",
    "plugins/gpt2/gen_gpt2/int8_model.py": "Int8GPT2.feed",
    "gen_engine/decoding/sampling.py": "score",
    "gen_engine/decoding/sample.py": "_take",
    "gen_engine/cli/output.py": "write_drawn",
}
PROGRESS = "gen_engine/system/"
"""What shows on the terminal that something is under way stands between caller and callee, and does nothing else."""


def place_of(frame):
    path = Path(frame.f_code.co_filename)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""


def stack(frame):
    """The project's files that a frame was called through, from the outside in."""
    places = []
    while frame is not None:
        places.append(place_of(frame))
        frame = frame.f_back
    return [place for place in reversed(places) if re.match("gen_engine/|plugins/", place)]


@pytest.fixture(scope="module")
def walked():
    """The files that one poem comes through, in the order in which they are entered."""
    found, ahead = {}, dict(MOMENTS)

    def watch(frame, event, _):
        place = place_of(frame) if event == "call" and frame.f_code.co_qualname in ahead.values() else None
        if place and ahead.get(place) == frame.f_code.co_qualname:
            del ahead[place]
            found.update(dict.fromkeys(each for each in stack(frame) if not each.startswith(PROGRESS)))

    sys.setprofile(watch)
    try:
        assert main([*COMMAND.split()[1:], "--out", "/dev/null"]) == 0
    finally:
        sys.setprofile(None)
    assert not ahead
    return [place for place in found if "tests/" not in place]


def linked(page):
    tour = page.partition("<!-- tour -->")[2].partition("<!-- end of tour -->")[0]
    return re.findall(r"\]\(([^)]+\.py)\)", tour)


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_tour_names_every_file_that_a_poem_comes_through(name, walked):
    assert len(walked) <= 12
    assert sorted(linked((ROOT / name).read_text(encoding="utf-8"))) == sorted(walked)


def test_the_first_six_are_in_the_order_of_the_run(walked):
    six = linked((ROOT / "README.md").read_text(encoding="utf-8"))[:6]
    assert six == [place for place in walked if place in six]
