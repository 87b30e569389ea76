"""Tokenizers of model folders: what they read of a text, and which of its characters."""

import pytest

from gen_engine.models.tokenizer import make_tokenizer


def bos_tokenizer():
    """Words, with <s> before every text, <t> as a mark of turns and </s> after every text."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    ids = {name: i for i, name in enumerate(["<s>", "</s>", "<t>", "<unk>", "sun", "moon", "<", "t", ">", "s"])}
    made = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.add_special_tokens(["<s>", "</s>", "<t>", "<unk>"])
    marks = [("<s>", 0), ("</s>", 1)]
    made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=marks)
    return make_tokenizer(made, {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, [], None)


def test_special_tokens_stay_characters_unless_asked():
    tokenizer = bos_tokenizer()
    assert tokenizer.encode("<t>sun").tokens == (0, 6, 7, 8, 4)
    assert tokenizer.encode("<t>sun", special=True).tokens == (0, 2, 4)
    assert tokenizer.encode("<t>sun").tokens == (0, 6, 7, 8, 4)


def test_special_tokens_keep_their_spans():
    found = bos_tokenizer().encode("<t>sun</s>", special=True)
    assert (found.tokens, found.spans) == ((0, 2, 4, 1), ((0, 0), (0, 3), (3, 6), (6, 10)))


@pytest.mark.parametrize("text, tokens", [("<s>sun", (0, 4)), ("<s><s>sun", (0, 0, 4)), ("<s>", (0,))])
def test_a_beginning_that_is_typed_is_not_doubled(text, tokens):
    assert bos_tokenizer().encode(text, special=True).tokens == tokens


def test_an_unknown_token_that_is_typed_is_not_lost():
    assert bos_tokenizer().encode("<unk> star", special=True).unknown == tuple("star")
