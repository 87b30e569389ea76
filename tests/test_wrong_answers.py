"""What a rule of one's own answers wrongly names the rule and its method, or is found by `gen lint` and the kit."""

import answering
import pytest
from answering import ALPHABET, BANNED, CASES, UNASKED, Incomparable, Recent, Tokens, Told, gives, wrong
from tiny import chars, engine_of

from gen_engine.errors import PluginError
from gen_engine.inspecting.lint import lint
from gen_engine.testing import check_constraint
from gen_engine.types import Named


def generate(rule, num):
    """What is written under a rule, or what is said of it."""
    engine = engine_of(chars(ALPHABET))
    return [done.new for done in engine.generate("ab", processors=[Named("mine", rule)], num=num, seed=1, max_new=6)]


def linted(rule):
    """What `gen lint` finds."""
    engine = engine_of(chars(ALPHABET))
    return lint(engine.chain([Named("mine", rule)]), engine.read("ab"), 6)


@pytest.mark.parametrize("num", [1, 3])
@pytest.mark.parametrize("banned", BANNED.values(), ids=BANNED)
def test_a_wrong_answer_of_banned_is_named(banned, num):
    with pytest.raises(PluginError, match="mine gave .* in banned.*; return two arrays of one length") as caught:
        generate(wrong(Told, banned=banned), num)
    assert caught.value.exit_code == 1


def test_what_banned_raises_is_named():
    def banned(self, history, lengths):
        return 1 / 0

    with pytest.raises(PluginError, match="mine failed in banned .ZeroDivisionError"):
        generate(wrong(Told, banned=banned), 2)
    with pytest.raises(PluginError, match=r"mine (cannot be called as banned\(history, lengths\)|failed in banned)"):
        generate(wrong(Told, banned=lambda self: None), 1)


def test_right_answers_are_taken():
    assert generate(Told(), 3) == generate(Recent(), 3)
    assert not any(finding.is_wrong for finding in linted(Told()))


@pytest.mark.parametrize(("name", "rule", "found"), CASES, ids=[case[0] for case in CASES])
def test_a_wrong_answer_is_named(name, rule, found):
    with pytest.raises(PluginError, match=rf"mine (gave|has) .* in {name}"):
        generate(wrong(rule, **{name: found}), 2)


def test_a_state_that_cannot_be_compared_is_named():
    mine = wrong(Recent, start=gives(Incomparable()), step=gives(Incomparable()))
    with pytest.raises(PluginError, match="mine has a state that cannot be compared"):
        generate(mine, 1)


def test_a_rule_that_changes_its_mind_is_named():
    calls = []

    def step(self, state, char):
        calls.append(char)
        return None if len(calls) % 3 == 0 else (*state, char)[-3:]

    with pytest.raises(PluginError, match="mine forbids in step what it permitted before; let it answer the same"):
        for _ in range(20):
            generate(wrong(Recent, step=step), 3)


SAID = [*(("banned", Told, found) for found in BANNED.values()), *UNASKED]
EMPTY = [("parts", Recent, ())]


@pytest.mark.parametrize(("name", "rule", "found"), SAID + EMPTY)
def test_lint_finds_what_is_answered_wrongly(name, rule, found):
    with pytest.raises(PluginError, match=f"mine (gave|has) .* in {name}"):
        linted(wrong(rule, **{name: found}))


@pytest.mark.parametrize(("name", "rule", "found"), [SAID[0], SAID[7], *SAID[14:21:2], *EMPTY])
def test_the_kit_finds_what_is_answered_wrongly(name, rule, found):
    with pytest.raises(AssertionError, match=f"breaks the law 'answers fit'.*in {name}"):
        check_constraint(wrong(rule, **{name: found}), alphabet="ab", examples=5)


def test_the_kit_takes_right_answers():
    assert answering.pair([0], [97])()[0].tolist() == [0]
    check_constraint(Told, alphabet="abcd", examples=5)
    assert generate(Tokens(), 1)
