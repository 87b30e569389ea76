"""Where other systems break a rule silently or get stuck: here the conflict is named before the first token, or obeyed.

Clashes of transformers' processors (a ban that loses to an allow-list, everything masked, a least length or a ban on
repetition against an allow-list, one seed with two texts) and dead ends of grammar engines, as requests to the engine.
"""

import pytest
import torch
from tiny import chars, engine_of

from gen_engine.engine import Engine
from gen_engine.errors import ConflictError
from gen_engine.hooks.registry import registry
from gen_engine.testing.models import table_model
from gen_engine.types import Request

LETTERS = "abcdefghijk"  # token 0 is the end; j and k are tokens 10 and 11
every_decoder = pytest.mark.parametrize("decoder", sorted(registry().decoders))


@pytest.fixture
def engine():
    return engine_of(chars(LETTERS))


def refusal(engine, *processors, decoder="sample", max_new=8):
    """The members of the conflict, which is noticed before the model is asked."""
    with pytest.raises(ConflictError) as error:
        engine.generate("a", processors=processors, decoder=decoder, max_new=max_new, seed=0)
    assert engine.model.asked == 0
    return error.value.members


def texts(engine, *processors, decoder="sample", max_new=8, seeds=8):
    return [
        engine.generate("a", processors=processors, decoder=decoder, max_new=max_new, seed=seed)[0].new
        for seed in range(seeds)
    ]


# ------------------------------------------------------------------------------------------------------- transformers


@every_decoder
def test_a_ban_never_loses_to_an_allow_list(engine, decoder):
    assert refusal(engine, "ban=j|k", "only=j|k", "length=1..", decoder=decoder) == (
        "ban=j|k",
        "only=j|k",
        "length=1..",
    )
    assert set(texts(engine, "ban=j|k", "only=j|k", decoder=decoder)) == {""}  # without a length the empty text is one


@every_decoder
def test_where_everything_is_masked_there_is_no_first_token(engine, decoder):
    everything = "ban=" + "|".join(LETTERS)
    assert refusal(engine, everything, "length=3", decoder=decoder) == (everything, "length=3")


@every_decoder
def test_what_masks_everything_as_a_preference_is_undone_by_name(engine, decoder):
    def nothing(step, logits):
        return torch.full_like(logits, -torch.inf)

    (done,) = engine.generate("a", processors=["only=b|c", "length=4", nothing], decoder=decoder, max_new=4, seed=0)
    assert set(done.new) <= {"b", "c"}
    assert len(done.new) == 4
    assert done.undone == ("nothing",)


@every_decoder
def test_a_model_writes_what_is_allowed_even_at_probability_zero(decoder):
    engine = engine_of(chars(LETTERS), shape="void")
    assert set(texts(engine, "only=b|c", "length=2", decoder=decoder)) <= {"bb", "bc", "cb", "cc"}


@every_decoder
def test_a_least_length_holds_against_an_allowed_end(engine, decoder):
    assert refusal(engine, "length=..2", "length=5..", decoder=decoder) == ("length=..2", "length=5..")
    assert refusal(engine, "only=x", "length=5..", decoder=decoder) == ("only=x", "length=5..")
    assert all(len(text) >= 5 for text in texts(engine, "length=5..", "only=a|b", "logit_bias=#0:50", decoder=decoder))


@every_decoder
def test_a_least_length_beyond_the_budget_is_a_conflict(engine, decoder):
    assert refusal(engine, "length=5..", decoder=decoder, max_new=4) == ("length=5..",)


@every_decoder
def test_no_repeated_ngram_is_kept_against_an_allow_list(engine, decoder):
    rules = ("no_repeat_ngram=2", "only=b|c")  # after the prompt's "a", five letters of two are the most there are
    found = texts(engine, *rules, "length=5", decoder=decoder)
    assert all(len({text[i : i + 2] for i in range(4)}) == 4 for text in found)
    assert refusal(engine_of(chars(LETTERS)), *rules, "length=6", decoder=decoder) == (*rules, "length=6")


def test_one_seed_is_one_text_in_every_batch(engine):
    requests = [Request("ab"[i % 2], ("only=a|b|c|d", f"length={2 + i % 3}"), 2, i, 6) for i in range(8)]
    alone = [engine.generate_batch([request])[0] for request in requests]
    assert engine.generate_batch(requests) == alone
    assert engine.generate_batch(requests[::-1]) == alone[::-1]


# ---------------------------------------------------------------------------------------------------- grammar engines


def eager(*letters, loves):
    """A model over these letters that would rather write one of them than anything else."""
    logits = [0.0] + [8.0 if letter == loves else 0.0 for letter in letters]
    return Engine(table_model("", *letters, table={(): logits}))


@every_decoder
def test_a_branch_whose_rest_the_vocabulary_lacks_is_not_entered(decoder):
    engine = eager("a", "b", "c", loves="c")
    assert set(texts(engine, "regex=(ab|cd)", decoder=decoder)) == {"ab"}


@every_decoder
def test_a_branch_beyond_the_budget_is_not_entered(decoder):
    engine = eager("a", "b", loves="a")
    assert set(texts(engine, "regex=(ab|aaaa)", decoder=decoder, max_new=3)) == {"ab"}
    assert "aaaa" in texts(engine, "regex=(ab|aaaa)", decoder=decoder, max_new=4)


@every_decoder
def test_a_pattern_without_a_branch_left_is_a_conflict(decoder):
    lacking, short = eager("a", "c", loves="c"), eager("a", "b", loves="a")
    assert refusal(lacking, "regex=(ab|cd)", decoder=decoder) == ("regex=(ab|cd)",)
    assert refusal(short, "regex=(ab|aaaa)", decoder=decoder, max_new=1) == ("regex=(ab|aaaa)",)


@every_decoder
def test_a_dead_end_of_two_rules_is_not_entered(decoder):
    engine = eager("a", "b", "c", "d", loves="c")
    assert set(texts(engine, "regex=(ab|cd)", "ban=d", decoder=decoder)) == {"ab"}
    assert refusal(eager("a", "b", "c", "d", loves="c"), "regex=(ab|cd)", "ban=a|d", decoder=decoder)
