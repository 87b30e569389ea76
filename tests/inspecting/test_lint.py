"""`gen lint`: contradictions, what is redundant and what depends on order, held against trying every text."""

import itertools
import json

import numpy as np
import pytest
import strategies as some
from custom_rules import EvenChars, TokensOnce
from hypothesis import assume, given
from joint_states import prompt_of
from tiny import chars, engine_of, vocabulary

from gen_engine.cli import main as cli
from gen_engine.inspecting.lint import lint
from gen_engine.types import Named

ENGINE = engine_of(chars("ab春夏，。"))


def findings(*specs, prompt="", max_new=8, engine=ENGINE):
    return lint(engine.chain(specs), engine.tokenizer.encode(prompt), max_new)


def kinds(*specs, **options):
    return [(finding.kind, finding.members) for finding in findings(*specs, **options)]


@pytest.mark.parametrize(
    "specs, members",
    [
        (["length=2..6", "length=3"], ["length=2..6", "length=3"]),
        (["length=3", "length=2..6"], ["length=2..6", "length=3"]),
        (["ban=punctuation", "only=han"], ["ban=punctuation", "only=han"]),
        (["ban=，", "ban=punctuation", "length=2"], ["ban=，", "ban=punctuation"]),
        (["no_double_punctuation", "only=春a"], ["no_double_punctuation", "only=春a"]),
        (["regex=春.{3}", "length=4"], ["length=4", "regex=春.{3}"]),
        (["choice=春夏|夏春", "regex=(春|夏){2}"], ["regex=(春|夏){2}", "choice=春夏|夏春"]),
        (["regex=[ab]*", "regex=a*b*", "regex=b*a*", "length=2..8"], ["regex=[ab]*", "regex=a*b*"]),
        (["force=1:春", "regex=春夏*"], ["force=1:春", "regex=春夏*"]),
        (["length=..8"], ["length=..8"]),
        (["ban=digit"], ["ban=digit"]),
        (["stop=a", "only=han"], ["stop=a", "only=han"]),
        (["length=3", "length=3"], ["length=3", "length=3"]),
        (["length=8", "length=2..9", "no_repeat=3"], ["length=2..9", "length=8"]),
    ],
)
def test_a_constraint_that_follows_from_others_is_redundant(specs, members):
    assert kinds(*specs) == [("redundant", tuple(members))]


@pytest.mark.parametrize(
    "specs",
    [
        [],
        ["length=3"],
        ["length=3", "no_repeat=2"],
        ["ban=punctuation", "only=han|，"],
        ["regex=[ab]*", "length=2"],
        ["stop=a", "length=2..4"],
        ["balanced", "length=2"],
        ["no_repeat=2", "no_repeat_ngram=2"],
        ["temperature=0.7"],
        ["top_k=2"],
        ["temperature=0.5", "top_k=2"],
    ],
)
def test_there_is_nothing_to_say_of_a_sound_chain(specs):
    engine = engine_of(chars("ab春夏，。《》"))
    assert kinds(*specs, engine=engine) == []


@pytest.mark.parametrize(
    "specs, members",
    [
        (["only=han", "ban=han"], ["only=han", "ban=han"]),
        (["only=digit"], ["only=digit"]),
        (["length=0"], ["length=0"]),
        (["regex=(|)"], ["regex=(|)"]),
        (["regex=[0-9]*"], ["regex=[0-9]*"]),
        (["only=𠀀"], ["only=𠀀"]),
        (["ban=han|punctuation|latin"], ["ban=han|punctuation|latin"]),
        (["length=0..5", "only=punctuation", "ban=punctuation"], ["only=punctuation", "ban=punctuation"]),
        (["force=1:春", "length=..1", "top_k=2"], None),
        (["choice=春", "no_repeat=2"], None),
    ],
)
def test_what_leaves_the_empty_text_only_is_told(specs, members):
    found = [finding.members for finding in findings(*specs) if finding.kind == "empty"]
    assert found == ([] if members is None else [tuple(members)])


@given(some.cases())
@some.examples(60)
def test_exactly_what_leaves_the_empty_text_only_is_called_empty(case):
    assume(case.budget and not case.refuses() and case.world.legal and not any(wish.stops for wish in case.wishes))
    found = lint(engine_of(case.vocabulary).chain(some.processors(case)), prompt_of(case), case.budget)
    printed = {b"".join(case.vocabulary.surfaces[token] for token in tokens) for tokens in case.world.legal}
    assume("not found out" not in {each.kind for each in found})
    assert ("empty" in {each.kind for each in found}) == (printed == {b""} and bool(case.wishes))


def label(wish):
    return wish.spec.label if isinstance(wish.spec, Named) else wish.spec


@given(some.cases())
@some.examples(80)
def test_exactly_what_takes_no_text_away_is_called_redundant(case):
    assume(case.wishes and not case.refuses() and case.world.legal)
    found = lint(engine_of(case.vocabulary).chain(some.processors(case)), prompt_of(case), case.budget)
    proven = [each.members[0] for each in found if each.kind == "redundant" and "no token prints" not in each.message]
    doubted = [each.members[0] for each in found if each.kind == "not found out"]
    kept = case.only(wish for wish in case.wishes if label(wish) not in proven)
    assert kept.world.legal == case.world.legal
    for wish in kept.wishes:
        needed = kept.without(wish).world.legal != kept.world.legal
        assert needed or wish.stops or label(wish) in doubted


@given(some.cases())
@some.examples(40)
def test_exactly_what_leaves_no_text_is_called_a_contradiction(case):
    assume(case.wishes)
    found = lint(engine_of(case.vocabulary).chain(some.processors(case)), prompt_of(case), case.budget)
    contradictions = [each.members for each in found if each.kind == "contradiction"]
    assert bool(contradictions) == (case.refuses() or not case.world.legal)
    refusing = [label(wish) for wish in case.wishes if wish.refuses(case.prompt)]
    assert not refusing or contradictions == [tuple(refusing)]


def test_a_contradiction_names_the_smallest_conflict_and_the_place():
    [finding] = findings("length=3", "top_k=2", "force=1:春|2:a", "ban=的", "only=han", max_new=4)
    assert (finding.kind, finding.members) == ("contradiction", ("force=1:春|2:a", "only=han"))
    assert "a at place 2" in finding.message


def test_a_proof_may_need_only_some_of_the_rules():
    long = chars("".join(chr(0x4E00 + i) for i in range(40)) + "a")
    found = kinds("length=30", "length=5..40", "no_repeat=3", engine=engine_of(long), max_new=40)
    assert found == [("redundant", ("length=5..40", "length=30"))]


def test_what_takes_too_many_states_is_not_found_out(monkeypatch):
    monkeypatch.setattr("gen_engine.inspecting.lint.STATES", 3)
    assert ("not found out", ("length=2..9",)) in kinds("length=8", "length=2..9", "no_repeat=2")


def test_characters_that_no_token_prints_are_named():
    [finding] = findings("ban=春|鬱|a龘b", "length=2..8")
    assert finding.message == "ban=春|鬱|a龘b names a龘b, 鬱, which no token prints; leave that out."
    [finding] = findings("ban=鬱", "length=2..8")
    assert "ban=鬱 forbids nothing that this model can write" in finding.message


def test_a_vocabulary_of_bytes_prints_every_character():
    engine = engine_of(vocabulary("a", *[bytes([byte]) for byte in range(0x80, 0xF5)]))
    assert not [each for each in findings("ban=a|鬱", engine=engine) if "no token prints" in each.message]


@pytest.mark.parametrize(
    "specs, members",
    [
        (["temperature=1"], ["temperature=1"]),
        (["top_p=1", "top_k=3"], ["top_p=1"]),
        (["top_k=2", "top_k=4"], ["top_k=4", "top_k=2"]),
        (["top_k=4", "top_k=2"], ["top_k=4", "top_k=2"]),
        (["top_k=100"], ["top_k=100"]),
        (["repetition_penalty=1", "top_k=3"], ["repetition_penalty=1"]),
        (["top_k=1", "temperature=0.5"], ["temperature=0.5", "top_k=1"]),
    ],
)
def test_a_shaper_that_changes_nothing_is_redundant(specs, members):
    assert kinds(*specs) == [("redundant", tuple(members))]


@pytest.mark.parametrize(
    "specs",
    [["temperature=0.5", "top_p=0.8"], ["top_k=3", "top_p=0.8"], ["top_k=3", "repetition_penalty=2"],
     ["min_p=0.1", "temperature=2"]],
)  # fmt: skip
def test_neighbours_that_do_not_commute_depend_on_order(specs):
    [finding] = findings(*specs)
    assert (finding.kind, finding.members) == ("order", tuple(specs))
    assert "the other way round" in finding.message
    assert not finding.is_wrong


def test_shapers_with_a_memory_and_with_dice_are_probed_too():
    assert kinds("mirostat=3") == kinds("xtc=0.1") == []


def test_a_shaper_of_an_author_is_probed():
    assert kinds(Named("as it is", lambda step, logits: logits * 1.0)) == [("redundant", ("as it is",))]


WIDE = engine_of(chars("abcdefgh"))
"""Too many characters for the states of a rule of history to be explored."""

ONCE = Named("once", TokensOnce(len(WIDE.tokenizer.vocabulary)))


class Wary:
    """No character again that was written before."""

    def start(self, text):
        return frozenset(text)

    def step(self, state, char):
        return None if char in state else state | {char}

    def accepts(self, state):
        return True


def test_a_rule_of_four_functions_takes_part_row_by_row():
    [finding] = findings(ONCE, engine=WIDE, max_new=3)
    assert (finding.kind, finding.members, finding.is_wrong) == ("row by row", ("once",), False)
    assert finding.message.startswith(
        f"once takes part row by row: asked alone, {finding.microseconds:g} µs a row and "
    )
    assert finding.message.endswith(
        "written over characters, it may offer `banned`, which is asked for all rows at once."
    )


@pytest.mark.parametrize("engine", [WIDE, engine_of(vocabulary("", *"abcdefgh", "ab"))])
def test_a_machine_without_history_is_told_of_banned_rows(engine):
    [finding] = findings(Named("wary", Wary()), engine=engine, max_new=3)
    assert "If it is a rule of history it may offer `banned`, which is asked for all rows at once" in finding.message
    assert ("whose tokens print one character each." in finding.message) == (engine is not WIDE)
    assert finding.message.endswith("It may offer `allowed`, one set of characters in place of a `step` for each.")


def test_what_a_row_and_step_take_is_measured(monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr("gen_engine.inspecting.lint.time.perf_counter", lambda: next(clock) * 1e-6)
    [finding] = findings(ONCE, engine=WIDE, max_new=3)
    assert finding.microseconds == 2


@pytest.mark.parametrize("specs", [["no_repeat=2"], ["no_repeat_ngram=2"], [Named("even", EvenChars())]])
def test_what_promises_more_or_is_learned_takes_no_time(specs):
    assert not [finding for finding in findings(*specs) if finding.kind == "row by row"]


class Barren(TokensOnce):
    """Lets nothing follow at all."""

    def allowed(self, state):
        return np.zeros(self.size, dtype=bool)


def test_what_lets_nothing_follow_is_not_timed():
    engine = engine_of(
        vocabulary("", "a", b"\xe6", end=0, specials=(0,))
    )  # with parts of characters nothing is explored
    told = [{finding.kind for finding in findings(Named("x", kind(3)), engine=engine)} for kind in (TokensOnce, Barren)]
    assert ["row by row" in kinds for kinds in told] == [True, False]


# --------------------------------------------------------------------------------------------------- gen lint


@pytest.fixture
def run(monkeypatch, capsys):
    """`gen lint` over the tiny engine: its exit code and what it printed."""
    monkeypatch.setattr("gen_engine.engine.load", lambda name, **_: ENGINE)

    def run(*words):
        code = cli.main(["lint", *words])
        return code, capsys.readouterr()

    return run


def test_a_sound_chain_exits_with_0(run):
    code, printed = run("--model", "m", "--with", "length=3", "--top-k", "3")
    assert (code, printed.out) == (0, "Nothing to say of these 2 processors.\n")


def test_what_is_wrong_exits_with_1(run):
    code, printed = run("--model", "m", "--with", "top_k=2", "--with", "top_k=3", "--with", "length=3")
    assert code == 1
    assert "redundant\ttop_k=3 changes nothing beside top_k=2" in printed.out


def test_what_only_depends_on_order_exits_with_0(run):
    code, printed = run("--model", "m", "--temperature", "0.5", "--top-p", "0.8")
    assert code == 0
    assert "order\ttemperature=0.5 comes before top_p=0.8" in printed.out


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_rules_taken_row_by_row_succeed_and_tell_their_time(run, monkeypatch, more):
    slow = findings(ONCE, engine=WIDE, max_new=3)
    monkeypatch.setattr("gen_engine.inspecting.lint.lint", lambda *asked: slow)
    code, printed = run("--model", "m", "--with", "length=3", *more)
    assert code == 0
    assert json.loads(printed.out) == [slow[0].record() | {"members": ["once"]}] if more else "µs a row" in printed.out
    assert slow[0].record()["microseconds"] == slow[0].microseconds
    assert "microseconds" not in findings("top_k=100")[0].record()


def test_findings_are_json_for_programs(run):
    code, printed = run("--model", "m", "--with", "length=3", "--with", "ban=a|b|han|punctuation", "--json")
    [finding] = json.loads(printed.out)
    assert code == 1
    assert finding["kind"] == "contradiction"
    assert finding["members"] == ["length=3", "ban=a|b|han|punctuation"]


@pytest.mark.parametrize(
    "name, text",
    [
        ("c.toml", 'model = "m"\nwith = ["length=3", "length=1..4"]\nmax_new = 9\n'),
        ("c.json", '{"model": "m", "with": ["length=3", "length=1..4"], "prompt": "a"}'),
    ],
)
def test_a_chain_is_read_from_a_file(run, tmp_path, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    code, printed = run("--chain", str(tmp_path / name))
    assert code == 1
    assert "length=1..4 follows from length=3" in printed.out


@pytest.mark.parametrize(
    "text, message",
    [("{", "cannot be read as JSON or TOML"), ('{"num": 3}', "holds more than a chain; give it only model, with")],
)
def test_a_file_that_is_no_chain_is_refused(run, tmp_path, text, message):
    (tmp_path / "c.json").write_text(text, encoding="utf-8")
    code, printed = run("--chain", str(tmp_path / "c.json"))
    assert code == 2
    assert message in printed.err


def test_the_prompt_that_breaks_a_rule_is_a_contradiction():
    assert kinds("length=2,of=whole", "no_repeat=2", prompt="abab") == [("contradiction", ("length=2,of=whole",))]


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("c.json", "[" * 100_000, "cannot be read as JSON or TOML"),
        ("c.toml", "a = " + "[" * 100_000, "cannot be read as JSON or TOML"),
        ("c.json", '{"a": ' * 50_000, "cannot be read as JSON or TOML"),
        ("c.json", "\x89PNG", "cannot be read as JSON or TOML"),
        ("c.json", '{"model": "poem\0"}', "cannot be read as JSON or TOML"),
    ],
)
def test_a_file_without_a_chain_is_refused_in_a_sentence(tmp_path, capsys, name, text, what):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert cli.main(["lint", "--model", "poem", "--chain", str(tmp_path / name)]) == 2
    assert what in capsys.readouterr().err
