"""Wishes of the completions protocol as jobs of the engine: prompts of tokens, and what is told of each token."""

import pytest

from gen_engine import Chat, load
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_serve.engine_process.protocol import job_of, prompt_of_tokens
from gen_serve.messages import Begun, Over, Submit, Text, TextDone, TextWish


@pytest.fixture(scope="module")
def poem():
    return load("poem")


@pytest.fixture(scope="module")
def chat(chat_folder):
    return load(chat_folder)


def events(engine, wish, *, seed=1, is_streamed=False, longest=64):
    """What the engine process tells of a wish."""
    told = []
    job = job_of(Submit(7, "", wish, seed, 8.0, is_streamed), wish, engine, told.append, longest=longest)
    scheduler = engine.scheduler()
    job.begin(scheduler.submit(job.task.request), ())
    while not job.ticket.is_over:
        for _, piece in scheduler.step():
            job.take(piece)
    job.end(0)
    return told


def done(engine, wish, **more):
    return [each for each in events(engine, wish, **more) if isinstance(each, TextDone)]


@pytest.mark.parametrize("text", ["白日依山尽", "", "白日，\n春"])
def test_the_tokens_of_a_text_are_the_same_prompt(poem, text):
    found = poem.tokenizer.encode(text)
    if not found.unknown:
        assert prompt_of_tokens(found.tokens, poem) == found


def test_tokens_that_print_several_bytes_are_aligned(chat):
    found = chat.tokenizer.encode("It is 春.")
    again = prompt_of_tokens(found.tokens, chat)
    assert (again.text, again.tokens, again.spans[-1]) == (found.text, found.tokens, found.spans[-1])
    assert all(chat.tokenizer.vocabulary.text_of([t]) == found.text[a:b]
               for t, (a, b) in zip(again.tokens, again.spans, strict=True) if "春" not in found.text[a:b])  # fmt: skip


def test_tokens_that_are_none_are_refused(poem, chat):
    with pytest.raises(GenError, match="prompt has the token 5600, and the model's end at 5599"):
        prompt_of_tokens([2, 5600], poem)
    with pytest.raises(GenError, match="parts of characters"):
        prompt_of_tokens(chat.tokenizer.encode("春").tokens[:1], chat)


def test_a_streamed_echo_comes_before_each_text(poem):
    told = events(poem, TextWish("白日", num=2, max_new=2, echo=True), is_streamed=True)
    texts = [(each.sample, each.text) for each in told if isinstance(each, Text)]
    assert (type(told[0]), type(told[-1]), texts[:2]) == (Begun, Over, [(0, "白日"), (1, "白日")])
    [first, second] = (each.record["text"] for each in told if isinstance(each, TextDone))
    assert ["".join(text for number, text in texts if number == i) for i in (0, 1)] == [first, second]


@pytest.mark.parametrize("prompt", ["説ＡＢ😀髙é a", "𠮷白A，", " \n白", "\u0301a", ""])
def test_the_tokens_of_an_echo_are_its_text(poem, prompt):
    [told] = done(poem, TextWish(prompt, echo=True, logprobs=0, max_new=2))
    printed = b"".join(each.printed for each in (*told.details["prompt"], *told.details["new"]))
    assert printed.decode() == told.record["text"]


def test_the_tokens_of_an_echo_may_be_parts_of_characters(chat):
    [told] = done(chat, TextWish("It is 春 é.", echo=True, logprobs=0, max_new=0))
    assert b"".join(each.printed for each in told.details["prompt"]).decode() == "It is 春 é."


def test_texts_with_logprobs_come_whole(poem):
    told = events(poem, TextWish("白日", max_new=2, logprobs=0), is_streamed=True)
    assert [type(each) for each in told] == [Begun, TextDone, Over]


def test_the_probabilities_of_a_place_add_up():
    engine = Engine(table_model("", "a", "b", "c", order=2))
    [told] = done(engine, TextWish("a", logprobs=9, max_new=3))
    for scored in told.details["new"]:
        assert sum(2.718281828459045**value for _, _, value in scored.top) == pytest.approx(1)
        assert scored.logprob == pytest.approx({name: value for name, _, value in scored.top}[scored.name])


@pytest.mark.parametrize("echo", [False, True])
def test_tokens_and_offsets_tell_the_whole_text(chat, echo):
    [told] = done(chat, TextWish("It is 春. ", logprobs=1, max_new=20, echo=echo))
    for part, text in (("prompt", "It is 春. " if echo else ""), ("new", told.record["new"])):
        scored = told.details[part]
        assert b"".join(each.printed for each in scored).decode() == text
        whole = [each for each in scored if each.printed.decode(errors="ignore")]
        assert all(text[each.offset :].startswith(each.printed.decode()) for each in whole)


def test_a_prompt_is_scored_without_new_text(chat):
    [told] = done(chat, TextWish("It is", logprobs=2, max_new=0, echo=True))
    first, *others = told.details["prompt"]
    assert (first.logprob, first.top, told.details["new"], told.record["text"]) == (None, (), (), "It is")
    assert all(each.logprob < 0 and len(each.top) == 2 for each in others)


def test_an_unknown_character_is_scored_as_it_was_typed(poem):
    unknown = next(char for char in "㐂𠮷☃" if poem.tokenizer.encode(char).unknown)
    [told] = done(poem, TextWish(f"白{unknown}", logprobs=0, max_new=0, echo=True))
    assert [each.printed.decode() for each in told.details["prompt"]] == ["白", unknown]
    assert [each.logprob is None for each in told.details["prompt"]] == [True, False]


def test_alternatives_have_the_numbers_of_the_choices(poem):
    """One more reading gives the numbers with which the tokens were drawn."""
    [told] = done(poem, TextWish("白日", logprobs=3, max_new=12, decoder="greedy"))
    for each in told.details["new"]:
        assert each.top[0][0] == each.name
        assert each.top[0][2] == pytest.approx(each.logprob, abs=1e-6)


@pytest.mark.parametrize("longest", [64, 1000])
def test_a_chat_is_answered_up_to_what_the_model_reads(chat, longest):
    wish = TextWish(chat=(("user", "a"), ("assistant", "b"), ("user", "c")), max_new=None)
    [told] = done(chat, wish, seed=3, longest=longest)
    told_chat = Chat("c", earlier=(("user", "a"), ("assistant", "b")))
    room = min(256 - len(chat.read("", told_chat).read), longest)
    assert told.record["new"] == chat.generate("", context=told_chat, seed=3, max_new=room)[0].new


def test_a_wish_may_be_less_patient_but_not_more(poem):
    for wished, given in ((None, 8.0), (0.5, 0.5), (99, 8.0)):
        wish = TextWish("白", patience=wished)
        job = job_of(Submit(1, "", wish, 1, 8.0), wish, poem, print, longest=64)
        assert job.task.request.patience == given


def test_one_patience_is_for_all_that_is_drawn(poem):
    wish = TextWish("白", num=2, draws=6)
    job = job_of(Submit(1, "", wish, 1, 8.0), wish, poem, print, longest=64)
    assert (job.task.request.num, job.task.request.draws, job.task.choosing.of) == (6, 1, 3)


def test_an_answer_without_a_limit_has_what_the_server_allows(poem):
    wish = TextWish("白", max_new=None)
    assert job_of(Submit(1, "", wish, 1, 8.0), wish, poem, print, longest=7).task.request.max_new == 7
