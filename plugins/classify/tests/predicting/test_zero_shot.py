import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel

from gen_classify.predicting.zero_shot import ask, choose_template
from gen_classify.testing import single_characters
from gen_engine import GenError
from gen_engine.testing import table_model

CHARS = "是否好坏吗问题：，？请回答“”或。\n春夏的"
ZH = {"question": "好吗？", "yes": "是", "no": "否"}


def model(**options):
    return table_model("", *CHARS, **options)


def leaning(yes, no, **options):
    """A model that gives two logits to 是 and 否 wherever it is asked."""
    logits = [0.0, yes, no, *[0.0] * (len(CHARS) - 2)]
    return model(table={(): logits}, **options)


def refused(message, *values, **options):
    with pytest.raises(GenError, match=message):
        ask(*values, **options)


@settings(deadline=None, max_examples=20, derandomize=True, database=None)
@given(yes=st.integers(-20, 20).map(lambda n: n / 4), no=st.integers(-20, 20).map(lambda n: n / 4))
def test_the_answer_is_the_likelier_word_with_its_share(yes, no):
    (answer,) = ask(leaning(yes, no), ["春"], **ZH)
    total = math.exp(yes) + math.exp(no)
    assert (answer.label, answer.other) == (("是", "否") if yes >= no else ("否", "是"))
    assert answer.probability == pytest.approx(max(math.exp(yes), math.exp(no)) / total, rel=1e-5)
    assert answer.mass == pytest.approx(total / (total + len(CHARS) - 1), rel=1e-5)


def test_the_word_of_several_tokens_counts_with_all_of_them():
    table = {(): [0.0] * (len(CHARS) + 1)}
    (answer,) = ask(model(table=table), ["春"], question="好吗？", yes="好的", no="坏")
    size = len(CHARS) + 1
    assert answer.probability == pytest.approx((1 / size) / (1 / size + 1 / size**2))
    assert answer.label == "坏"


def test_words_that_merge_with_the_prompt_compare_where_they_part():
    merged = table_model("", *CHARS, "：是", table={(): [0.0] * (len(CHARS) + 2)})
    (answer,) = ask(merged, ["春"], question="好吗？", yes="是", no="否")
    size = len(CHARS) + 2
    assert (answer.label, answer.probability) == ("是", pytest.approx(size / (size + 1)))


@settings(deadline=None, max_examples=10, derandomize=True, database=None)
@given(texts=st.lists(st.text("春夏好坏", max_size=6), min_size=1, max_size=40), salt=st.integers(0, 5))
def test_a_texts_answer_does_not_depend_on_the_others(texts, salt):
    together = ask(model(salt=salt, order=9), texts, **ZH)
    assert together == [ask(model(salt=salt, order=9), [text], **ZH)[0] for text in texts]


def test_a_long_text_loses_its_end_and_says_so():
    long = ask(model(positions=60, salt=1, order=60), ["春" * 80, "春"], **ZH)
    assert [answer.cut for answer in long] == [True, False]
    refused("question has .* tokens more", model(positions=30), ["春"], question="好吗？" * 9)


@pytest.mark.parametrize("question, yes, no", [("好吗？", "是", "否"), ("Is it good?", "yes", "no")])
def test_the_language_is_that_of_the_question(question, yes, no):
    chosen = choose_template(question, yes=None, no=None, language=None, template=None)
    assert (chosen.yes, chosen.no) == (yes, no)


def test_language_words_and_template_can_be_given():
    chosen = choose_template("好吗？", yes="y", no="n", language="en", template="{question}\\n{text} ")
    assert (chosen.layout, chosen.yes, chosen.gap) == ("{question}\n{text} ", "y", "")


@pytest.mark.parametrize("layout", ["{text}", "{question} {text", "{text}{question}{other}", "{text}{question}{0}"])
def test_a_template_without_its_places_is_refused(layout):
    with pytest.raises(GenError, match="lacks its places"):
        choose_template("好吗？", yes=None, no=None, language=None, template=layout)


def test_words_that_cannot_be_told_apart_or_written_are_refused():
    refused("not two different words", model(), ["春"], question="好吗？", yes="是 ", no="是")
    unknowing = table_model("", *CHARS, "", unk=len(CHARS) + 1)
    refused("has no tokens for the answer '鬱'", unknowing, ["春"], question="好吗？", yes="鬱", no="否")


def test_a_folder_is_asked_as_transformers_would_answer(tmp_path):
    torch.manual_seed(0)
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *dict.fromkeys(CHARS)]
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=len(names), n_embd=16, n_layer=1, n_head=2, n_positions=64))
    gpt2.save_pretrained(tmp_path)
    tokenizer = single_characters(names, 64, closes=False)
    tokenizer.save_pretrained(tmp_path)
    (answer,) = ask(str(tmp_path), ["春夏"], **ZH)
    prompt = "春夏\n问题：好吗？请回答“是”或“否”。\n回答："
    logits = gpt2.eval()(torch.tensor([tokenizer(prompt)["input_ids"]])).logits[0, -1, [4, 5]].detach()
    assert answer.probability == pytest.approx(float(logits.softmax(0).max()), abs=0.01)
