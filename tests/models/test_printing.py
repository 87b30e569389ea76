"""What tokens print: for any tokens, our text is what the tokenizer itself decodes."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_kinds import KINDS, comparable, is_otherwise_first, printed

from gen_engine.errors import GenError
from gen_engine.models.printing import is_chinese, print_tokens
from gen_engine.models.tokenizer import make_tokenizer


@cache
def tokenizer_of(kind):
    return make_tokenizer(KINDS[kind](), {}, [], None)


def surfaces_of(kind, *names):
    vocabulary = tokenizer_of(kind).vocabulary
    return [vocabulary.surfaces[vocabulary.names.index(name)].decode() for name in names]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
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
