"""What `gen check` and `gen forms` say: right poems are right, and each broken rule is told with its place."""

import json
import random
from functools import cache

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from terminals import as_terminal, bare

from gen_engine.cli.main import main, make_cli
from gen_engine.errors import GenError
from gen_engine.system.screen import cells
from gen_poem.commands import check as check_command
from gen_poem.judging.check import judge
from gen_poem.verse import poem_files
from gen_poem.verse.books import book
from gen_poem.verse.patterns import FORMS, SHAPES, patterns
from gen_poem.verse.poem_files import read_poems
from gen_poem.verse.segments import segments
from gen_poem.verse.traditional import to_simplified, to_traditional
from gen_poem.verse.tunes import every_tune, number_of

STORK = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
MOON = "床前明月光，疑是地上霜。举头望明月，低头思故乡。"
SILK = "漠漠轻寒上小楼。晓阴无赖似穷秋。淡烟流水画屏幽。自在飞花轻似梦，无边丝雨细如愁。宝帘闲挂小银钩。"
LIKE_A_DREAM = "昨夜雨疏风骤。浓睡不消残酒。试问卷帘人，却道海棠依旧。知否。知否。应是绿肥红瘦。"


TRIES = settings(deadline=None, max_examples=30, derandomize=True, database=None)


@cache
def characters(name, tone, group=""):
    """Characters that read in no other tone and, if one is asked for, in no other group."""
    known = book(name).entries.items()
    return [char for char, readings in known if char.isalpha() and {r.tone for r in readings} == {tone}
            and {r.group for r in readings} == {group or readings[0].group}]  # fmt: skip


def write(pattern, name, group, seed):
    """A text that obeys the pattern, of characters drawn from a book."""
    draw = random.Random(seed)
    lines = []
    for line in pattern.lines:
        signs = draw.choice(line.tones).replace("中", draw.choice("平仄"))
        last = draw.choice(characters(name, signs[-1], group if line.rhyme else ""))
        lines.append("".join(draw.choice(characters(name, sign)) for sign in signs[:-1]) + last + line.mark)
    return "".join(lines)


def faults(text, *arguments, **wishes):
    return [(fault.rule, fault.line, fault.place) for fault in judge(text, *arguments, **wishes).faults]


def said(*arguments, text=None):
    return CliRunner().invoke(make_cli(), arguments, input=text, catch_exceptions=False)


REGULATED = st.sampled_from([form for form in FORMS if SHAPES[form].regulated])


@TRIES
@given(REGULATED, st.sampled_from(["strict", "loose"]), st.integers(0, 3), st.integers(0, 10**6))
def test_what_obeys_a_pattern_has_no_tone_or_rhyme_wrong(form, tones, number, seed):
    text = write(patterns(form, tones=tones)[number], "pingshui", "东", seed)
    assert {rule for rule, *_ in faults(text, form, tones=tones)} <= {"重韵"}
    assert {rule for rule, *_ in faults(text, tones=tones, form=form, rhyme="东")} <= {"重韵"}


@TRIES
@given(st.sampled_from(every_tune()), st.integers(0, 10**6), st.sampled_from(["cilin", "xinyun"]))
def test_what_obeys_a_form_of_a_tune_is_right(tune, seed, name):
    variant = tune.variants[seed % len(tune.variants)]
    text = write(variant, name, {"cilin": "第一部", "xinyun": "庚"}[name], seed)
    assert faults(text, tune_name=tune.names[0], variant=number_of(variant), rhyme_book=name) == []
    assert judge(text, tune_name=tune.names[0], rhyme_book=name).ok


@TRIES
@given(REGULATED, st.integers(0, 10**6), st.data())
def test_one_wrong_tone_is_found_where_it_is(form, seed, data):
    [pattern] = patterns(form, start="平起", first="rhymed")
    rows = [row.chars for row in segments(write(pattern, "pingshui", "东", seed))[0]]
    line = data.draw(st.integers(0, len(rows) - 1))
    place = data.draw(st.sampled_from([1, SHAPES[form].cols - 1]))
    wrong = "仄" if pattern.lines[line].tones[0][place] == "平" else "平"
    rows[line] = rows[line][:place] + characters("pingshui", wrong)[seed % 99] + rows[line][place + 1 :]
    found = faults("，".join(rows), form, start="平起", first="rhymed")
    assert [each for each in found if each[0] != "重韵" and each[1:] == (line + 1, place + 1)] != []


@pytest.mark.parametrize("tones", ["loose", "strict", "off"])
def test_the_form_of_a_poem_is_guessed(tones):
    report = judge(STORK, tones=tones)
    assert (report.pattern.form, report.group, report.ok) == ("五绝", "尤", True)
    assert (report.format_ok, report.tones_ok, report.rhyme_ok) == (True, True, True)


def test_a_poem_that_breaks_tones_says_where():
    report = judge(MOON, "五绝")
    assert [fault.words for fault in report.faults] == [
        "line 2, place 4: 上 is 仄, 平 is wanted",
        "line 3, place 2: 头 is 平, 仄 is wanted",
    ]
    assert (report.format_ok, report.tones_ok, report.rhyme_ok) == (True, False, True)


@pytest.mark.parametrize(
    ("second", "fourth", "found"),
    [("仄平仄仄平", "仄仄仄平平", [("孤平", 2, 1)]), ("平平仄仄平", "仄仄平平平", [("三平尾", 4, 3)]),
     ("仄平平仄平", "平仄仄平平", []), ("平平仄平平", "平仄仄平平", [("tone", 2, 4)])],
)  # fmt: skip
@pytest.mark.parametrize(("form", "before"), [("五绝", ["", ""]), ("七绝", ["平平", "仄仄"])])
def test_taboos_have_their_names_in_strict_verse(form, before, second, fourth, found):
    rows = [before[0] + "仄仄平平仄", before[1] + second, before[1] + "平平仄平仄", before[0] + fourth]
    text = "，".join(rows).translate(str.maketrans("平仄", "东个"))
    told = faults(text, form, tones="strict", start="平仄"[form == "五绝"] + "起", first="unrhymed")
    assert [each for each in told if each[0] != "重韵"] == [(r, line, p + len(before[0])) for r, line, p in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [("白日依山尽，黄河入海。欲穷千里目，更上一层楼。", ("format", 2, 5)), (STORK + "更上一层楼。", ("format", 5, 0)),
     (STORK[:18], ("format", 4, 0)), (STORK.replace("山", "x"), ("format", 1, 4)),
     (STORK.replace("楼", "东"), ("rhyme", 4, 5)), (STORK.replace("楼", "流"), ("重韵", 4, 5)),
     (STORK.replace("河", "\U00030edd"), ("unknown", 2, 2))],
)  # fmt: skip
def test_every_broken_rule_is_told(text, found):
    assert found in faults(text, "五绝")


def test_an_entering_tone_rhymes_with_entering_tones_only():
    assert faults("人人人人白，人人人人陌。人人人人人，人人人人客。", "五古") == []
    assert ("rhyme", 4, 5) in faults("人人人人白，人人人人陌。人人人人人，人人人人怕。", "五古")


@pytest.mark.parametrize(("text", "name"), [(SILK, "浣溪沙"), (LIKE_A_DREAM, "如梦令")])
def test_a_tune_is_guessed_from_the_lengths_of_the_lines(text, name):
    report = judge(text)
    assert (report.pattern.form, report.book, report.ok) == (name, "cilin", True)


def test_a_text_without_pauses_is_cut_as_the_pattern_is():
    assert judge(STORK.replace("，", "").replace("。", ""), "五绝").ok


def test_only_lines_of_the_right_length_are_asked_for_rhymes():
    assert faults("白日依山尽，黄河入海。欲穷千里目，更上一层楼。", "五绝") == [("format", 2, 5)]


def test_a_text_of_unknown_shape_is_refused_with_the_remedy():
    with pytest.raises(GenError, match="--form or --tune"):
        judge("一二三，四五六七八九十百，千。")
    with pytest.raises(GenError, match="give a poem"):
        judge("abc")
    with pytest.raises(GenError, match="give one of them"):
        judge(STORK, "五绝", tune_name="浣溪沙")
    with pytest.raises(GenError, match="name the tune"):
        judge(STORK, variant=1)


@pytest.mark.parametrize("text", [STORK, MOON, SILK])
def test_traditional_characters_are_judged_like_simplified_ones(text):
    full = to_traditional(text)
    assert full != text
    assert to_simplified(full) == text
    assert faults(full) == faults(text)


def test_traditional_characters_go_by_the_words_around():
    assert to_traditional("头发，春发，皇后，先后，千里，梦里") == "頭髮，春發，皇后，先後，千里，夢裏"
    assert to_traditional("征鸿，干云，斗牛，象征，枝干，战斗") == "征鴻，干雲，斗牛，象徵，枝幹，戰鬥"


@TRIES
@given(st.text(st.sampled_from("发后干里云征斗，。\n𠀀a"), max_size=12))
def test_traditional_texts_are_as_long_as_simplified_ones(text):
    assert len(to_traditional(text)) == len(to_simplified(text)) == len(text)


# ---------------------------------------------------------------------------------------------------- commands


def test_check_exits_with_0_only_if_all_is_right():
    assert said("check", "-", text=STORK).exit_code == 0
    done = said("check", "-", "--form", "五绝", text=f"《登鹳雀楼》\n{STORK}\n\n# 静夜思\n{MOON}\n")
    assert done.exit_code == 1
    assert "1 of 2 are right: format 2, tones 1, rhyme 2." in done.stdout
    assert "\n  　　　＾\n    line 2, place 4: 上 is 仄, 平 is wanted\n" in done.stdout


def test_check_gives_programs_every_character():
    [line] = said("check", "-", "--form", "五绝", "--json", text=MOON).stdout.splitlines()
    told = json.loads(line)
    place = told["lines"][1][3]
    assert (place["char"], place["wanted"], place["ok"]) == ("上", "平", False)
    assert place["faults"] == ["line 2, place 4: 上 is 仄, 平 is wanted"]
    assert [reading["group"] for reading in place["readings"]] == ["养", "漾"]
    assert (told["form"], told["ok"], told["rhymes"]) == ("五绝", False, [{"letter": "A", "group": "阳"}])


def test_check_reads_what_json_printed_and_stanzas_of_one_text():
    written = json.dumps({"text": STORK}) + "\n" + json.dumps({"text": MOON})
    assert len(said("check", "-", "--json", text=written).stdout.splitlines()) == 2
    first, second = SILK[:24], SILK[24:]
    assert said("check", "-", "--tune", "浣溪沙", "--one", text=f"{first}\n\n{second}").exit_code == 0


@pytest.mark.parametrize(
    "wishes",
    [["--form", "五绝", "--tones", "strict"], ["--rows", "4", "--cols", "5"], ["--rhyme", "尤"], ["--start", "仄起"],
     ["--first", "unrhymed"], ["--rhyme-book", "cilin"]],
)  # fmt: skip
def test_check_takes_wishes(wishes):
    assert said("check", "-", *wishes, text=STORK).exit_code == 0


@pytest.mark.parametrize("wishes", [["--rhyme", "东"], ["--start", "平起"], ["--first", "rhymed"], ["--rows", "5"]])
def test_check_judges_by_wishes(wishes):
    assert said("check", "-", *wishes, text=STORK).exit_code == 1


def test_check_refuses_what_it_cannot_read(tmp_path):
    (tmp_path / "gbk").write_bytes("白日".encode("gb18030"))
    for file, remedy in [("gbk", "iconv"), ("none", "no file .*none")]:
        with pytest.raises(GenError, match=remedy):
            said("check", str(tmp_path / file))
    for text, remedy in [("", "give a file"), ("{}", "JSON lines")]:
        with pytest.raises(GenError, match=remedy):
            said("check", "-", text=text)


SHOWN = [STORK, MOON, SILK.replace("楼", "㐀"), STORK[:-2] + "头。", LIKE_A_DREAM]


@pytest.mark.parametrize("text", SHOWN)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_check_fits_the_terminal_and_cuts_no_word(monkeypatch, text, width):
    piped = said("check", "-", text=text).stdout
    as_terminal(monkeypatch, width, NO_COLOR="1")
    shown = said("check", "-", text=text).stdout
    assert [line for line in shown.splitlines() if cells(line) > width or line != line.rstrip()] == []
    assert [word for word in piped.split() if word.isascii() and word not in shown.split()] == []


@pytest.mark.parametrize("text", SHOWN)
def test_check_explains_its_signs_on_a_terminal_alone(monkeypatch, text):
    piped = said("check", "-", text=text).stdout
    as_terminal(monkeypatch, NO_COLOR="1")
    legend = said("check", "-", text=text).stdout.split("\n\n")[-1]
    assert legend.startswith("平 level, 仄 oblique")
    assert [sign for sign in "中兼？" if (sign in legend) != (sign in piped.partition("\n")[2])] == []
    assert "oblique" not in piped


def test_check_colours_its_verdicts_and_what_is_wrong(monkeypatch):
    texts = "\n\n".join([STORK, STORK[:-2] + "头。", STORK.replace("尽", "流")])
    as_terminal(monkeypatch)
    monkeypatch.setattr("gen_engine.system.screen.is_coloured", lambda file: True)
    told = CliRunner().invoke(make_cli(), ["check", "-"], input=texts, color=True).stdout
    assert "format \x1b[32mright\x1b[0m" in told
    assert "\x1b[31mwrong\x1b[0m" in told
    assert bare(told).count("wrong") == told.count("\x1b[31mwrong")


def test_forms_lists_all_forms_and_tunes_and_its_sources():
    told = said("forms").stdout
    assert all(f"\n{form}\t" in told for form in FORMS)
    assert all(f"\n{each.names[0]}\t" in told and "、".join(each.names[1:]) in told for each in every_tune())
    assert all(word in told for word in ("王力《诗词格律》", "孤平", "三平尾", "特拗", "钦定词谱"))


@pytest.mark.parametrize("form", FORMS)
def test_forms_shows_every_pattern_of_a_form(form):
    told = said("forms", form).stdout
    record = json.loads(said("forms", form, "--json").stdout)
    for strict, loose, shown in zip(patterns(form, tones="strict"), patterns(form), record["patterns"], strict=True):
        assert f"{form} {strict.name}" in told
        assert [(line["strict"], line["loose"]) for line in shown["lines"]] == [
            (list(a.tones), list(b.tones)) for a, b in zip(strict.lines, loose.lines, strict=True)
        ]


def test_forms_shows_a_tune_or_those_of_like_names():
    assert "第5体" in said("forms", "浣溪沙").stdout
    assert len(json.loads(said("forms", "浣溪沙", "--json").stdout)["variants"]) == 5
    assert "江月晃重山" in said("forms", "江月").stdout
    assert len(json.loads(said("forms", "江月", "--json").stdout)) == 4
    assert len(json.loads(said("forms", "--json").stdout)["tunes"]) == 817
    with pytest.raises(GenError, match="gen forms"):
        said("forms", "xyz")


def test_one_text_beyond_judgement_stops_no_other():
    done = said("check", "-", text=f"一二三，四五六七八九十百，千。\n\n{STORK}")
    assert done.exit_code == 1
    assert "no form and no tune that is known" in done.stdout
    assert "1 of 2 are right: format 1, tones 1, rhyme 1." in done.stdout
    told = [
        json.loads(line) for line in said("check", "-", "--json", text=f"一，二三。\n\n{STORK}").stdout.splitlines()
    ]
    assert [each["ok"] for each in told] == [False, True]
    assert "--form or --tune" in told[0]["error"]


def test_check_tells_programs_and_people_how_it_read_a_character():
    text = "众鸟高飞尽，孤云独去闲。相看两不厌，只有敬亭山。"
    assert (
        "place 2: 看 is read 平 (寒), since 平 is wanted at this place; else 仄 (翰)"
        in said("check", "-", text=text).stdout
    )
    told = json.loads(said("check", "-", "--json", text=text).stdout)
    place = told["lines"][2][1]
    assert (place["taken"]["tone"], place["why"]) == ("平", "平 is wanted at this place")
    assert told["notes"] == []


def test_what_has_no_tones_is_not_right_in_them():
    snow = "千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。"
    told = json.loads(said("check", "-", "--json", text=snow).stdout)
    assert (told["ok"], told["tones_ok"], told["rhyme_ok"]) == (True, None, True)
    done = said("check", "-", text=f"{snow}\n\n{STORK}")
    assert "tones free, rhyme right" in done.stdout
    assert "2 of 2 are right: format 2, tones 1, rhyme 2; 1 of free tones." in done.stdout


@pytest.mark.parametrize("place", [i for i, char in enumerate(STORK) if char not in "，。"])
def test_one_character_too_few_or_many_is_one_fault(place):
    for text in (STORK[:place] + STORK[place + 1 :], STORK[:place] + STORK[place] + STORK[place:]):
        report = judge(text)
        assert [fault.rule for fault in report.faults].count("format") == len(report.faults) == 1
        assert (report.pattern.form, report.format_ok, report.tones_ok, report.rhyme_ok) == ("五绝", False, True, True)


@pytest.mark.parametrize(
    "text",
    ["白日依山尽黄河入海流欲穷千里目更上一层楼", "白日依 山尽，　黄河入海流。欲穷\t千里目，更上一层楼。",
     "白日依山尽，黄河入海流。欲穷千里目更上一层楼。", "白日依山尽 黄河入海流 欲穷千里目 更上一层楼",
     "白日依山尽黄河入海流。欲穷千里目更上一层楼。"],
)  # fmt: skip
def test_missing_marks_and_blanks_make_no_tune_of_a_poem(text):
    assert (judge(text).pattern.form, judge(text).ok) == ("五绝", True)


@pytest.mark.parametrize(
    ("text", "name"),
    [("鹅，鹅，鹅，曲项向天歌。白毛浮绿水，红掌拨清波。", "杂言"),
     ("美人卷珠帘，深坐颦蛾眉。但见泪痕湿，不知心恨谁。", "五古"),
     ("鹿鹿鹿，在山谷。月明人不知，独向寒泉宿。", "杂言")],
)  # fmt: skip
def test_old_verse_is_no_tune_with_something_missing(text, name):
    assert (judge(text).pattern.form, judge(text).ok) == (name, True)


@pytest.mark.parametrize(
    ("wishes", "remedy"),
    [({"rows": 10**8, "cols": 5}, "size like its text"), ({"rows": 4, "cols": 10**7}, "size like its"),
     ({"rows": 4, "rhyme": "尤"}, "name a form"), ({"tune_name": "浣溪沙", "start": "平起"}, "leave it out"),
     ({"form": "五绝", "first": "neighbour", "rhyme_book": "xinyun"}, "leave the book out")],
)  # fmt: skip
def test_options_that_would_do_nothing_are_refused(wishes, remedy):
    with pytest.raises(GenError, match=remedy):
        judge(STORK, **wishes)


def test_titles_are_no_verse_in_any_file(tmp_path):
    (tmp_path / "poems").write_text(f"# 登鹳雀楼\n{STORK}\n\n《静夜思》\n{MOON}\n", encoding="utf-8")
    assert read_poems(str(tmp_path / "poems")) == [STORK, MOON]


@pytest.mark.parametrize(("count", "right"), [(202, True), (360, True), (400, True), (402, False), (20_000, False)])
def test_old_verse_may_be_longer_than_any_form(count, right):
    text = "人人人人天，人人人人山。" * (count // 2)
    if right:
        assert (judge(text).pattern.form, judge(text).rhyme_ok) == ("五古", True)
    else:
        with pytest.raises(GenError, match=r"at most (400 lines|5000)"):
            judge(text)


def given(monkeypatch, texts):
    monkeypatch.setattr(poem_files, "read_blocks", lambda *_, **__: texts)


def test_check_tells_each_text_as_it_is_judged(monkeypatch):
    seen = []
    given(monkeypatch, (text for text in [STORK, "百", STORK, STORK] if not seen.append("read")))
    monkeypatch.setattr(check_command, "_tell_one", lambda *_, **__: seen.append("told"))
    said("check", "-", text="")
    assert seen == ["read", "read", "told", "told", "read", "told", "read", "told"]


def test_a_check_that_is_stopped_says_how_many_were_judged(monkeypatch, tmp_path, capsys):
    def texts():
        yield from [STORK, STORK, STORK]
        raise KeyboardInterrupt

    given(monkeypatch, texts())
    (tmp_path / "poems.txt").touch()
    assert main(["check", str(tmp_path / "poems.txt"), "--json"]) == 130
    captured = capsys.readouterr()
    assert (captured.out.count("\n"), captured.err.strip()) == (3, "gen: Stopped: 3 texts were judged.")


def test_where_no_text_can_be_judged_each_is_told_why():
    done = CliRunner().invoke(make_cli(), ["check", "-", "--json"], input="百\n\n千\n\n万")
    assert [json.loads(line)["ok"] for line in done.stdout.splitlines()] == [False] * 3
    assert "None of the 3 texts can be judged; give" in str(done.exception)
    with pytest.raises(GenError, match="give a poem"):
        said("check", "-", text="abc")
