"""`gen check` shows the marks that a text has, and tells a foreign sign at its own place."""

import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_poem.judging.check import judge
from gen_poem.judging.foreign import MOST
from gen_poem.verse.segments import segments

MOON = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"
STORK = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
DREAM = "昨夜雨疏风骤，浓睡不消残酒！试问卷帘人、却道海棠依旧；知否，知否？应是绿肥红瘦。"


def checked(text, *options):
    return CliRunner().invoke(make_cli(), ["check", "-", *options], input=text, catch_exceptions=False).stdout


def with_marks(text, marks):
    return "".join(map("".join, zip(re.split("[，。]", text), [*marks, ""], strict=True)))


@pytest.mark.parametrize(
    "marks", ["；！？。", ",.,.", "：；、。", ["，", "。", "，", ""], ["……", "！！", "?!", "；"], "////"]
)
def test_the_marks_of_the_text_are_shown(marks):
    text = with_marks(STORK, marks)
    shown = [line.strip() for line in checked(text).splitlines()[1::3]]
    assert "".join(shown) == text
    told = json.loads(checked(text, "--json"))
    assert "".join(place["char"] + place["marks"] for row in told["lines"] for place in row) == text


@pytest.mark.parametrize(
    "text", ["\n".join(re.split("[，。]", STORK)), re.sub("[，。]", " ", STORK), re.sub("[，。]", "　", STORK)]
)
def test_no_mark_is_shown_where_there_is_none(text):
    assert [line.strip() for line in checked(text).splitlines()[1::3]] == re.split("[，。]", STORK)[:4]


def test_marks_within_lines_are_shown_and_tones_below_their_characters():
    shown = checked(
        "漠漠轻寒、上小楼。晓阴无赖，似穷秋。淡烟流水画屏幽。自在飞花轻似梦，无边丝雨,细如愁。宝帘闲挂小银钩。",
        "--tune",
        "浣溪沙",
    ).splitlines()
    assert shown[1:4] == ["  漠漠轻寒、上小楼。", "  中仄中平  中仄平  wanted", "  仄仄兼平  仄仄平  has"]
    assert shown[16:18] == ["  无边丝雨,细如愁。", "  中平中仄 仄平平  wanted"]


@pytest.mark.parametrize("sign", ["a", "3", "□", "カ", "*", "é", "○"])
@pytest.mark.parametrize("place", [1, 3, 5])
def test_a_foreign_sign_is_placed_and_nothing_is_missing(sign, place):
    lines = STORK.split("。")
    lines[1] = lines[1][: place - 1] + sign + lines[1][place:]
    report = judge("。".join(lines), "五绝")
    wrong = [(fault.line, fault.place, fault.words) for fault in report.faults if fault.rule == "format"]
    assert wrong == [(3, place, f"line 3, place {place}: {sign!r} is no Chinese character")]
    assert report.rows[2][place - 1].char == sign


@pytest.mark.parametrize("sign", ["★", "abc", "🌙", "\x07", "\u202e", "©"])
def test_a_sign_beside_the_characters_counts_for_none(sign):
    report = judge(MOON.replace("望", sign + "望"), "五绝")
    where = f"line 3, after place 2: {sign!r} is no character of verse"
    assert [fault.words for fault in report.faults if fault.rule == "format"] == [where]
    assert [len(row) for row in report.rows] == [5, 5, 5, 5]
    assert "\x07" not in checked(MOON.replace("望", "\x07望"))


@pytest.mark.parametrize("sign", ["x", "8", "□"])
def test_a_foreign_sign_is_placed_in_tunes_and_old_verse(sign):
    song = judge(DREAM.replace("卷", sign), tune_name="如梦令")
    assert [(fault.rule, fault.line, fault.place) for fault in song.faults] == [("format", 3, 3)]
    old = judge("敕勒川，阴山下。天似穹庐，笼盖四野。天苍苍，野茫茫，风吹草低见牛羊。".replace("庐", sign))
    assert ("format", 3, 4) in [(fault.rule, fault.line, fault.place) for fault in old.faults]


def test_a_word_for_a_character_is_one_sign():
    (fault,) = (f for f in judge(MOON.replace("故", "gu"), "五绝").faults if f.rule == "format")
    assert fault.words == "line 4, place 4: 'gu' is no Chinese character"


def test_of_very_many_foreign_signs_some_are_told():
    text = "".join(f"床前{'x' * 40}" for _ in range(30)) + "，床前。"
    told = [
        fault.words for fault in judge(text, rows=2, cols=60).faults if "no ch" in fault.words or "no Ch" in fault.words
    ]
    assert len(told) == MOST + 1
    assert max(map(len, told)) < 80


@given(st.text(alphabet="床前明月，。、；a□★“” \n", max_size=30))
def test_segments_lose_no_character_and_signs_stand_where_told(text):
    pieces, signs = segments(text)
    chars = "".join(piece.chars for piece in pieces)
    assert [char for char in chars if char in "床前明月"] == [char for char in text if char in "床前明月"]
    assert all(chars[sign.at : sign.at + sign.size] == sign.text[: sign.size] for sign in signs)
    assert sum(len(sign.text) for sign in signs) == sum(char in "a□★" for char in text)
