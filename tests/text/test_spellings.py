"""A model reads characters that it lacks in the spelling it knows; what was typed stays as typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from gen_engine.engine import Engine
from gen_engine.inspecting.explain import explain_text
from gen_engine.models.tokenizer import make_tokenizer
from gen_engine.testing.models import TableModel
from gen_engine.text.spellings import labelled, labels_of, respelt, spelt

SIMPLE, TRADITIONAL = "东风发台乐广气樱龙干月，", "東風發髮臺樂廣氣櫻龍幹月，"


def engine_of(chars):
    ids = {"[UNK]": 0, "[SEP]": 1, **{char: i for i, char in enumerate(chars, 2)}}
    backend = Tokenizer(models.WordLevel(ids, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return Engine(TableModel(make_tokenizer(backend, {"unk_token": "[UNK]"}, [], len(ids))))


SIMP, TRAD = engine_of(SIMPLE), engine_of(TRADITIONAL)


@pytest.mark.parametrize(("engine", "typed", "read"), [
    (SIMP, "東風", "东风"), (SIMP, "发發髮発髪", "发发发发发"), (SIMP, "臺台枱", "台台台"),
    (SIMP, "気広竜桜", "气广龙樱"),
    (TRAD, "东风", "東風"), (TRAD, "乐发", "樂發"), (TRAD, "東气広", "東氣廣"), (SIMP, "龜東㐀a", "龜东㐀a"),
    (SIMP, "\uf914", "乐"),
])  # fmt: skip
def test_the_model_reads_its_own_spelling_the_prompt_stays_typed(engine, typed, read):
    prompt = engine.tokenizer.encode(typed)
    alone = engine.tokenizer.encode(read)
    assert (prompt.text, prompt.spelt or typed, prompt.tokens, prompt.spans) == (typed, read, alone.tokens, alone.spans)
    assert prompt.unknown == tuple(char for char in dict.fromkeys(typed) if char in "龜㐀a")


@given(st.text(alphabet="東风發髮发臺龜a，\n𠀀", max_size=12))
def test_spelling_keeps_places_and_changes_only_what_is_lacking(text):
    known = set(SIMPLE)
    found = spelt(text, set(text) - known, known)
    assert len(found) == len(text)
    assert all(other == char or (char not in known and other in known) for char, other in zip(text, found, strict=True))


@pytest.mark.parametrize("written", ["東樂", "髮月", "广東"])
def test_rules_in_another_spelling_hold_and_return_as_written(written):
    (done,) = SIMP.generate("月", processors=["choice=" + written], seed=1, max_new=3)
    assert done.new == written
    assert SIMP.tokenizer.encode(done.text).spelt is not None


@pytest.mark.parametrize("barred", ["東|龍", "發", "髪|東", "広"])
def test_what_is_banned_in_one_spelling_is_banned_in_all(barred):
    found = "".join(done.new for done in SIMP.generate("月", processors=["no_unk", f"ban={barred}"], num=20, seed=1))
    assert not set(spelt(barred, set(barred), set(SIMPLE))) & set(found)
    assert not set(barred) & set(found)


def test_of_two_spellings_of_one_character_the_first_is_written():
    labels, told = labels_of(["ban=東|髮", "choice=發|发", print], SIMP.tokenizer.vocabulary)
    assert (labels, told) == ({"东": "東", "发": "髮"}, ["ban=東|髮", "choice=髮|髮", print])
    assert labels_of(["ban=发", "choice=髮"], SIMP.tokenizer.vocabulary) == ({}, ["ban=发", "choice=发"])


def test_a_vocabulary_without_labels_is_the_same_one():
    vocabulary = SIMP.tokenizer.vocabulary
    assert labelled(vocabulary, {}) is vocabulary
    assert labelled(vocabulary, {"乐": "樂"}).singles.keys() == set(SIMPLE) - {"乐"} | {"樂"}


@pytest.mark.parametrize(("typed", "labels", "told"), [
    ("東风", {}, "东风"), ("發髮发", {}, "发髮发"), ("東髮", {"东": "東"}, "東发"), ("发髮", {"发": "髮"}, "髮髮"),
    ("発", {"发": "髮"}, "発"),
])  # fmt: skip
def test_rules_judge_a_prompt_in_the_spelling_being_written(typed, labels, told):
    prompt = SIMP.tokenizer.encode(typed)
    assert respelt(prompt.text, prompt.spelt, labels) == told


class NoRepeat:
    """No character twice in the whole text."""

    def start(self, text):
        return frozenset(text)

    def step(self, state, char):
        return None if char in state else state | {char}

    def accepts(self, state):
        return True


@pytest.mark.parametrize("typed", ["東", "風", "髮"])
def test_a_rule_takes_typed_characters_for_those_the_model_writes(typed):
    found = SIMP.generate(typed, processors=["no_unk", NoRepeat()], num=30, seed=1, max_new=8)
    assert all(done.text.startswith(typed) for done in found)
    assert not {spelt(typed, {typed}, set(SIMPLE)), typed} & set("".join(done.new for done in found))


@pytest.mark.parametrize(("prompt", "rest"), [("東", "風"), ("", "樂月"), ("髮", "广")])
def test_a_text_in_another_spelling_is_explained(prompt, rest):
    told = explain_text(SIMP, prompt + rest, prompt=prompt)
    assert told.prompt == prompt
    assert len(told.places) == len(rest) + (told.places[-1].text == "")
