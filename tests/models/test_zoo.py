"""Models of all families and kinds of tokenizers that people use: each writes what its own tokenizer shows."""

import re
from dataclasses import replace

import pytest
import zoo
from trial_checks import Asked, WrongError, check, check_refusal, subject
from trial_rules import Rule
from trials import Tally, Trial, run, stream

from gen_engine import load
from gen_engine.errors import ConflictError, GenError
from gen_engine.types import Request

FAMILIES = tuple(zoo.FAMILIES)


def asked(prompt, *rules, **options):
    request = Request(prompt, tuple(rule.spec for rule in rules), seed=3, max_new=12, **options)
    return Asked(request, rules)


def answer(family, wish):
    return subject(family).engine.generate_batch([wish.request])[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_writes_what_its_tokenizer_shows(family):
    wish = asked("Tiger, ", num=2)
    for done in answer(family, wish):
        check(done, wish, subject(family), is_fast=False)


@pytest.mark.parametrize("family", FAMILIES)
def test_ends_are_those_that_the_folder_names(family):
    found = subject(family).engine.tokenizer.vocabulary.every_end
    assert sorted(found) == sorted(subject(family).ends)


@pytest.mark.parametrize("name", zoo.SEEING)
def test_a_model_that_sees_later_tokens_is_refused(name):
    with pytest.raises(GenError, match="sees what comes next"):
        load(zoo.made(name))


# ------------------------------------------------------------------------------------------------- lists of ends


SEVERAL = [family for family, found in zoo.FAMILIES.items() if len(found.ends) > 1]
RULES = {
    "none": (),
    "length": (Rule("length=2..9", lambda text: 2 <= len(text.new) <= 9),),
    "regex": (Rule("regex='.{1,8}'", lambda text: re.fullmatch(".{1,8}", text.new) is not None),),
}
WAYS = [("none", "smc=4"), ("none", "sample"), ("length", "sample"), ("length", "beam=4"), ("regex", "beam=4")]


@pytest.mark.parametrize(("rules", "decoder"), WAYS)
@pytest.mark.parametrize("family", SEVERAL)
def test_the_last_end_of_a_list_ends_texts(family, rules, decoder):
    model, wish = subject(family, -1), asked("", *RULES[rules], decoder=decoder, num=4)
    alone, other = stream(model.engine, [wish.request, replace(wish.request, prompt="a")])
    assert [alone, other] == model.engine.generate_batch([wish.request, replace(wish.request, prompt="a")])
    for done in alone:
        check(done, wish, model, is_fast=False)  # also that the end has the probability of all ends
        assert not set(done.tokens) & set(model.ends)
    assert any(done.finish == "end" and done.logprobs[-1] > -0.5 for done in (*alone, *other))


# --------------------------------------------------------------------------------------------- random requests


def tally_of(numbers, seed=1):
    tally = Tally()
    for number in numbers:
        run(Trial(seed, number, FAMILIES), tally)
    return tally


def test_random_requests_are_answered_right():
    tally = tally_of(range(0, 45, 3))  # fifteen families
    assert (tally.failures, tally.counts["answered"] >= 12) == ([], True)


@pytest.mark.slow
def test_hundreds_of_random_requests_are_answered_right():
    tally = tally_of(range(150), seed=2)
    assert (tally.failures, tally.counts["answered"] >= 150) == ([], True)


# ---------------------------------------------------------------------------------- the checks see what is wrong


WRONG = {
    "another text": lambda done: replace(done, new=done.new + "x", text=done.text + "x"),
    "another token": lambda done: replace(done, tokens=(*done.tokens[:-1], done.tokens[-1] + 1)),
    "another prompt": lambda done: replace(done, text="x" + done.text),
    "another logprob": lambda done: replace(done, logprobs=(done.logprobs[0] - 0.1, *done.logprobs[1:])),
    "another sum": lambda done: replace(done, logprob=done.logprob - 0.1),
    "too many tokens": lambda done: replace(done, tokens=done.tokens * 12),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_wrong_completion_is_noticed(change):
    wish = asked("Tiger, ", Rule("length=4..", lambda text: len(text.new) >= 4))
    with pytest.raises(WrongError):
        check(change(answer("llama", wish)[0]), wish, subject("llama"), is_fast=False)


def test_a_text_that_breaks_a_rule_is_noticed():
    wish = asked("Tiger, ", Rule("length=4", lambda text: len(text.new) == 3))
    with pytest.raises(WrongError, match="breaks"):
        check(answer("llama", wish)[0], wish, subject("llama"), is_fast=False)


def test_a_refusal_that_a_text_refutes_is_noticed():
    wish = asked("Tiger, ", Rule("choice=on|an", lambda text: text.new in ("on", "an"), obeying=("on", "an")))
    with pytest.raises(WrongError, match="obeys, yet"):
        check_refusal(ConflictError("No text.", ()), wish, subject("llama"))
