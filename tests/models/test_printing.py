"""What tokens print: for any tokens, our text is what the tokenizer itself decodes."""

from functools import cache

import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from tokenizer_kinds import KINDS, comparable, is_otherwise_first, printed

from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.inspecting.explain import explain_text
from gen_engine.models.printing import is_chinese, print_tokens
from gen_engine.models.tokenizer import make_tokenizer
from gen_engine.testing.models import TableModel


@cache
def tokenizer_of(kind):
    return make_tokenizer(KINDS[kind](), {}, [], None)


def surfaces_of(kind, *names):
    vocabulary = tokenizer_of(kind).vocabulary
    return [vocabulary.surfaces[vocabulary.names.index(name)].decode() for name in names]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@some.examples(120)
def test_a_text_is_what_the_tokenizer_decodes(kind, data):
    tokenizer = tokenizer_of(kind)
    vocabulary = tokenizer.vocabulary
    plain = [i for i in vocabulary.usable if i not in vocabulary.specials]
    ids = data.draw(st.lists(st.sampled_from(plain), min_size=1, max_size=12))
    if is_otherwise_first(vocabulary.names[ids[0]]):
        ids = [next(i for i in plain if (vocabulary.texts[i] or "").strip().isalpha()), *ids]
    assert comparable(printed(vocabulary, ids)) == comparable(tokenizer.backend.decode(ids))


def test_runs_of_marks_among_added_tokens_print_spaces():
    assert surfaces_of("gemma", "▁▁", "▁▁▁▁▁", "a▁b", "\n\n") == ["  ", "     ", "a b", "\n\n"]


def test_a_mark_among_word_pieces_prints_itself():
    assert surfaces_of("word pieces", "▁", "▁moon") == [" ▁", " ▁moon"]


def test_words_have_spaces_between_them_and_chinese_has_none():
    names = ["moon", "##light", "白", "##日", "，", "(", ".", "'s", "한국"]
    assert surfaces_of("word pieces", *names) == [" moon", "light", "白", "日", "，", " (", ".", "'s", " 한국"]
    assert surfaces_of("words", "moon", "白", "，", ".") == [" moon", "白", "，", " ."]


def test_the_end_of_a_word_prints_a_space():
    assert surfaces_of("word ends", "moon", "moon</w>", "白</w>") == ["moon", "moon ", "白 "]


def test_marks_of_ambiguous_width_go_with_most_words():
    def quotation(*words):
        return print_tokens({"type": "WordPiece", "prefix": "##"}, ["“", *words])[0].decode()

    assert [quotation("白", "日", "moon"), quotation("白", "moon", "light")] == ["“", " “"]
    assert [is_chinese(char) for char in "〇《　Ａ～〒カ한🙂a“"] == [True] * 6 + [False] * 5


def test_a_decoder_that_looks_at_neighbours_is_refused():
    with pytest.raises(GenError, match="'CTC' is not known here; give the tokenizer of a language model"):
        print_tokens({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True}, ["a"])


# ------------------------------------------------------------------------------------------------- through an engine

PROMPTS = dict.fromkeys(["byte level", "t5", "word pieces", "words", "char bpe"], "the moon")
PROMPTS |= {"llama": "light", "gemma": "light", "characters": "白日"}


@pytest.mark.parametrize("kind, prompt", PROMPTS.items())
@given(seed=st.integers(0, 99))
@some.examples(8)
def test_what_an_engine_writes_is_what_is_decoded(kind, prompt, seed):
    tokenizer = tokenizer_of(kind)
    engine, wish = Engine(TableModel(tokenizer, salt=seed)), {"seed": seed, "max_new": 8, "processors": ["no_special"]}
    [done] = engine.generate(prompt, **wish)
    tokens = [*tokenizer.encode(prompt).tokens, *done.tokens]
    assert done.text.startswith(prompt)
    if "\ufffd" not in done.text:
        assert comparable(done.text) == comparable(tokenizer.backend.decode(tokens))
    assert "".join(engine.stream(prompt, **wish)) == done.new


@pytest.mark.parametrize("kind", ["gemma", "llama", "t5", "word pieces", "words", "word ends", "byte level"])
def test_a_ban_of_spaces_sees_every_space(kind):
    engine = Engine(TableModel(tokenizer_of(kind)))
    for done in engine.generate("a", seed=3, num=8, max_new=8, processors=["no_special", "ban=space"]):
        assert not any(char.isspace() for char in done.new)


@pytest.mark.parametrize("kind", ["t5", "word pieces", "words"])
def test_a_text_is_explained_though_nobody_typed_its_space(kind):
    engine = Engine(TableModel(make_tokenizer(KINDS[kind](), {}, [{"bos_token_id": 1}], None)))
    assert "".join(place.text for place in explain_text(engine, "moon").places) == " moon"
