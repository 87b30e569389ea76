"""Tokenizers of model folders: what they read of a text, and which of its characters."""

import pytest
from tokenizer_kinds import KINDS

from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.models.tokenizer import load_tokenizer, make_tokenizer
from gen_engine.testing.models import TableModel


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


# ---------------------------------------------------------------------------------------------------- which tokens


def words(*names, added=(), special=(), unk="<unk>"):
    """Words joined by spaces, of which some were added."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    made = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token=unk or "none"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_tokens(list(added))
    made.add_special_tokens(list(special))
    return made


def test_tokens_beyond_the_columns_are_struck():
    tokenizer = make_tokenizer(words("<unk>", "sun", "moon", added=["star"]), {}, [], 3)
    assert (len(tokenizer.vocabulary), tokenizer.vocabulary.names) == (3, ("<unk>", "sun", "moon"))
    prompt = tokenizer.encode("sun star moon")
    assert (prompt.tokens, prompt.unknown) == ((1, 0, 2), tuple("star"))


def test_a_prompt_of_tokens_beyond_the_columns_is_refused():
    tokenizer = make_tokenizer(words("sun", "moon", added=["star"], unk=None), {}, [], 2)
    with pytest.raises(GenError, match="holds 'star', for which the model has no row; write the prompt without it"):
        tokenizer.encode("sun star")


def test_a_beginning_beyond_the_columns_is_left_out():
    from tokenizers import processors

    made = words("<unk>", "sun", special=["<s>"])
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 2)])
    tokenizer = make_tokenizer(made, {"bos_token": "<s>"}, [], 2)
    assert (tokenizer.encode("sun").tokens, tokenizer.start) == ((1,), ())


def test_a_mark_of_byte_order_is_no_token(tmp_path):
    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nsun\n", encoding="utf-8-sig")
    vocabulary = load_tokenizer(tmp_path).vocabulary
    assert (vocabulary.names[0], vocabulary.surfaces[0], vocabulary.surfaces[4]) == ("[PAD]", b"", b" sun")


def test_names_of_specials_in_the_settings_print_nothing():
    settings = {"additional_special_tokens": ["<a>", {"content": "<b>"}], "extra_special_tokens": {"image": "<c>"}}
    vocabulary = make_tokenizer(words("<unk>", "<a>", "<b>", "<c>", "<d>"), settings, [], None).vocabulary
    assert vocabulary.surfaces == (b"", b"", b"", b"", b" <d>")


def test_a_prompt_that_ends_a_word_ends_with_its_space():
    tokenizer = make_tokenizer(KINDS["char bpe"](), {}, [], None)
    prompt = tokenizer.encode("the moonlight")
    assert prompt.text == tokenizer.vocabulary.text_of(prompt.tokens) == "the moonlight "
    assert (prompt.spans[-1][1], tokenizer.encode("the moonlight ").text) == (14, "the moonlight ")


# ------------------------------------------------------------------------------------------------------------ ends


def test_all_ends_count_and_one_stands_for_them():
    names = ["<unk>", "sun", "<a>", "<b>", "<c>"]
    configs = [{"eos_token_id": [2, 3]}, {"eos_token_id": [3, 99, 0]}]
    vocabulary = make_tokenizer(words(*names), {"eos_token": "<c>"}, configs, None).vocabulary
    assert (vocabulary.end, vocabulary.ends, vocabulary.every_end) == (3, (0, 2, 4), (3, 0, 2, 4))
    assert vocabulary.usable == (1,)


def test_ends_of_all_files_of_a_folder_count(tmp_path):
    words("<unk>", "<a>", "<b>", "<c>").save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"eos_token_id": 3}')
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [1, 2]}')
    assert load_tokenizer(tmp_path, 4).vocabulary.every_end == (1, 2, 3)


# --------------------------------------------------------------------------------------------------- empty prompts


@pytest.mark.parametrize("configs, start", [([{"bos_token_id": 1}], (1,)), ([{"eos_token_id": 2}], (2,)), ([], ())])
def test_an_empty_prompt_begins_as_the_model_does(configs, start):
    assert make_tokenizer(words("<unk>", "<a>", "<b>"), {}, configs, None).encode("").tokens == start


def test_an_empty_prompt_with_nothing_to_begin_with_is_refused():
    engine = Engine(TableModel(make_tokenizer(words("<unk>", "sun"), {}, [], None)))
    with pytest.raises(GenError, match="The prompt is empty, and the model's tokenizer begins no text"):
        engine.generate("", max_new=2)
