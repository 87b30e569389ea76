"""Lines that are known are not written again: the machine, by trying every text, and `gen couplet --not-in`."""

import itertools
import json
import lzma

import machine_laws as laws
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_poem.rules.couplet import Couplet, couplet
from gen_poem.rules.parallel import NO_TONES
from gen_poem.rules.unseen import known_lines, unseen

ALPHABET = "天地云，。"
HALVES = ["".join(each) for each in itertools.product("天地云", repeat=2)]


def machine(*lines, shape="汉汉"):
    return unseen(f"{shape}，{shape}。", "汉", lines=frozenset(lines), label="couplet")


def couplets():
    return {f"{a}，{b}。" for a in HALVES for b in HALVES}


@given(st.sets(st.sampled_from([*HALVES, "天", "天，地", "天地云"])))
@laws.examples(6)
def test_neither_half_is_a_known_line(known):
    found = laws.accepted(machine(*known), ALPHABET, 6) & couplets()
    assert found == {text for text in couplets() if not known & set(text[:-1].split("，"))}


@given(st.sets(st.sampled_from(HALVES), min_size=1))
@laws.examples(4)
def test_allowed_and_kinds_say_what_step_does(known):
    laws.check_answers(machine(*known), ALPHABET, 5)


def test_marks_within_a_line_count_in_any_width():
    judge = machine("天，地", shape="汉，汉")
    assert laws.state_after(judge, "天，") is not None
    assert laws.state_after(judge, "天,地") is None
    assert laws.state_after(judge, "云，地，天，地") is None


def test_what_the_prompt_completes_is_not_judged():
    judge = machine("天地", "云云")
    assert laws.state_after(judge, "，天云。", prompt="天地") is not None
    assert laws.state_after(judge, "云，天地", prompt="天") is None


@given(st.sets(st.sampled_from(HALVES)))
@laws.examples(10)
def test_at_most_so_many_are_removed_and_some_are_spared(known):
    judge = machine(*known)
    for state in laws.states(judge, "天地云，。", 5):
        removed = {char for char in "天地云" if judge.step(state, char) is None}
        assert len(removed) <= judge.removes_at_most(6)
        assert not any(map(judge.never_forbids, removed))


@given(st.sets(st.sampled_from(["天地", "地天", "云天"])), st.integers(0, 9))
@laws.examples(4)
def test_a_model_writes_couplets_of_unknown_lines(known, seed):
    rule = Couplet("汉汉", NO_TONES, frozenset(known)).rule

    def keeps(text):
        return text in couplets() and not known & set(text[:-1].split("，")) and not set(text[:2]) & set(text[3:5])

    laws.check_engine(rule, ["天", "地", "云", "，", "，天", "地。"], 6, keeps, seed=seed)


def test_a_file_of_lines_has_columns_and_may_be_packed(tmp_path):
    (tmp_path / "a.tsv").write_text("天地\t云 云。\n\n天，地；\n", encoding="utf-8")
    (tmp_path / "a.tsv.xz").write_bytes(lzma.compress((tmp_path / "a.tsv").read_bytes()))
    expected = {"天地", "云云", "天，地"}
    assert known_lines(str(tmp_path / "a.tsv")) == known_lines(str(tmp_path / "a.tsv.xz")) == expected


def test_an_unreadable_file_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(GenError, match="no file .*none.txt. Check"):
        couplet("7", not_in=str(tmp_path / "none.txt"))
    (tmp_path / "a.txt").write_bytes(b"\xff")
    with pytest.raises(GenError, match="is not utf-8 text.*convert it"):
        couplet("7", not_in=str(tmp_path / "a.txt"))


def second_line(*options):
    arguments = ["couplet", "--first", "明月松间照", "--with", "top_k=1", "--json", *map(str, options)]
    done = CliRunner().invoke(make_cli(), arguments, catch_exceptions=False)
    return json.loads(done.stdout)["new"].rstrip("。")


def test_the_command_avoids_the_likeliest_line_if_known(tmp_path):
    known = tmp_path / "known.tsv"
    likeliest = second_line()
    known.write_text(f"白日依山尽\t{likeliest}\n", encoding="utf-8")
    other = second_line("--not-in", known)
    assert other != likeliest
    assert other[:-1] == likeliest[:-1]
