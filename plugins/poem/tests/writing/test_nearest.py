"""The nearest real lines: a line finds itself, a changed one its origin, and the measure is what it is said to be."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_poem.writing.line_index import Poem, pack, read_line_index
from gen_poem.writing.nearest import FILE, LONGEST, nearest_lines, overlaps, real_lines, shared_places

LINES = st.text("天地玄黄𠀀", min_size=1, max_size=6)


@pytest.fixture
def index_of(tmp_path):
    def index_of(*lines):
        path = tmp_path / "lines.bin"
        path.write_bytes(pack([Poem((line,), f"题{i}", "某", "唐") for i, line in enumerate(lines)]))
        return read_line_index(path)

    return index_of


def longest_common(a, b):
    """By its definition: the longest choice of places in `a` whose characters stand in `b` in this order."""
    for size in range(len(a), 0, -1):
        for chosen in combinations(a, size):
            rest = iter(b)
            if all(char in rest for char in chosen):
                return size
    return 0


@given(LINES, LINES)
def test_places_are_a_longest_common_subsequence(own, other):
    places = shared_places(own, other)
    rest = iter(other)
    assert all(own[place] in rest for place in places)
    assert list(places) == sorted(set(places))
    assert len(places) == longest_common(own, other)


@given(LINES, st.lists(LINES, min_size=1, max_size=5))
def test_overlaps_of_many_rows_are_those_of_each(own, others):
    width = max(map(len, others))
    rows = np.array([[*map(ord, other.ljust(width, "\0"))] for other in others])
    common, runs = overlaps(rows, np.array([*map(ord, own)]))
    pieces = {own[i:j] for i in range(len(own)) for j in range(i + 1, len(own) + 1)}
    assert common.tolist() == [longest_common(own, other) for other in others]
    assert runs.tolist() == [max((len(each) for each in pieces if each in other), default=0) for other in others]


@settings(deadline=None)  # it writes files
@given(own=LINES, others=st.lists(LINES, unique=True, max_size=12), n=st.integers(1, 4))
def test_no_line_is_nearer_than_those_found(tmp_path_factory, own, others, n):
    path = tmp_path_factory.mktemp("index") / "lines.bin"
    path.write_bytes(pack([Poem((each,), "无题", "某", "唐") for each in others]))
    found = nearest_lines(own, n, index=read_line_index(path))
    shares = sorted((longest_common(own, each) / len(own) for each in others), reverse=True)
    assert [each.share for each in found] == [share for share in shares[:n] if share]


def some_lines(count):
    index = real_lines()
    return [index.line(number) for number in range(0, len(index), len(index) // count)]


@pytest.mark.parametrize("line", some_lines(60))
def test_a_shipped_line_finds_itself(line):
    best = nearest_lines(line)[0]
    assert (best.line, best.share, best.places) == (line, 1.0, tuple(range(len(line))))


@pytest.mark.parametrize("line", [line for line in some_lines(120) if len(line) == 7][:40])
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_line_with_one_character_changed_finds_its_origin(line, place):
    changed = line[:place] + "Ａ鿃"[1] + line[place + 1 :]
    found = nearest_lines(changed, 5)
    assert line in [each.line for each in found]
    assert found[0].share == 6 / 7


def test_an_older_wording_is_found_beside_the_later_one():
    best = nearest_lines("床前明月光")[0]
    assert (best.line, best.title, best.author, best.dynasty) == ("床前看月光", "静夜思", "李白", "唐")
    assert (best.share, best.places) == (4 / 5, (0, 1, 3, 4))


def test_traditional_characters_are_read_as_simplified_ones():
    assert nearest_lines("白日依山盡，") == nearest_lines("白日依山尽")
    assert nearest_lines("大江東去")[0].author == "苏轼"


def test_ties_go_to_longer_runs_shorter_lines_earlier_lines(index_of):
    index = index_of("白山日水依", "白日依青山水", "白日依山", "白日依云", "白山依日")
    found = [each.line for each in nearest_lines("白日依尽", 4, index=index)]
    assert found == ["白日依山", "白日依云", "白日依青山水", "白山日水依"]


def test_fewer_are_found_where_fewer_share_anything(index_of):
    assert [each.line for each in nearest_lines("白日", 3, index=index_of("白云", "青山"))] == ["白云"]
    assert nearest_lines("鿃", 3, index=index_of("白云", "青山")) == []
    assert nearest_lines("白日", 3, index=index_of()) == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("abc", "no Chinese character; give a line"),
        ("白日依山尽，黄河入海流", "is 2 lines; give one"),
        ("山" * (LONGEST + 1), "give at most 64"),
    ],
)
def test_what_is_no_line_is_refused(line, words):
    with pytest.raises(GenError, match=words):
        nearest_lines(line)


def test_no_line_cannot_be_asked_for():
    with pytest.raises(ValueError, match="give 1 or more"):
        nearest_lines("白日依山尽", 0)


def test_the_shipped_file_is_small_and_has_what_people_know():
    assert FILE.stat().st_size <= 4_000_000
    known = "国破山河在 春眠不觉晓 海内存知己 不识庐山真面目 但愿人长久 小楼一夜听春雨 疏影横斜水清浅 三十功名尘与土"
    assert [line for line in known.split() if nearest_lines(line, 1)[0].line != line] == []


def test_looking_lines_up_needs_no_torch():
    code = "import sys, gen_poem.writing.nearest as n; n.nearest_lines('白日依山盡'); print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
