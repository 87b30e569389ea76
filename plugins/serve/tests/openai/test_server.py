"""The official client against a running server: what it returns is what the engine writes."""

import json
from functools import cache

import openai
import pytest

from gen_engine import Chat, load

POEM = {"model": "poem", "prompt": "白日", "seed": 1}
VERSE = {"top_k": 50, "no_repeat": 30, "no_repeat_exempt": ["punctuation"]}
CHAT = "chatml"
ASKED = "What is the capital of France?"


@pytest.fixture(scope="module")
def client(server_url):
    with openai.OpenAI(base_url=f"{server_url}/v1", api_key="none", max_retries=0, timeout=120) as found:
        yield found


@cache
def engine(name):
    return load(name)


def written(name, prompt="", **wish):
    return [done.new for done in engine(name).generate(prompt, **wish)]


# ------------------------------------------------------------------------------------------------------ models


def test_the_models_are_listed(client):
    assert [each.id for each in client.models.list()] == ["poem", "novel", "chatml"]


def test_a_model_tells_what_it_is(client):
    found = client.models.retrieve("poem")
    assert (found.object, found.owned_by, found.has_chat, len(found.hash)) == ("model", "gen-engine", False, 16)
    assert client.models.retrieve(CHAT).has_chat


def test_an_unknown_model_is_not_found(client):
    with pytest.raises(openai.NotFoundError, match="There is no model 'poems'"):
        client.completions.create(model="poems", prompt="白日")


# ------------------------------------------------------------------------------------------------------- texts


def test_a_text_is_what_the_engine_writes(client):
    [choice] = client.completions.create(**POEM).choices
    assert [choice.text] == written("poem", "白日", seed=1, max_new=16)
    assert choice.finish_reason == "length"


def test_several_prompts_get_the_texts_that_they_get_alone(client):
    told = client.completions.create(model="poem", prompt=["白日", "秋"], n=2, seed=1, max_tokens=5)
    wish = {"seed": 1, "max_new": 5, "num": 2}
    assert [each.text for each in told.choices] == [*written("poem", "白日", **wish), *written("poem", "秋", **wish)]
    assert [each.index for each in told.choices] == [0, 1, 2, 3]


def test_tokens_are_as_good_as_their_text(client):
    tokens = list(engine("poem").tokenizer.encode("白日").tokens)
    for prompt in (tokens, [tokens]):
        [choice] = client.completions.create(model="poem", prompt=prompt, seed=1, echo=True).choices
        assert [choice.text] == [f"白日{each}" for each in written("poem", "白日", seed=1, max_new=16)]


def test_the_fields_of_the_protocol_are_processors(client):
    [choice] = client.completions.create(
        **POEM, temperature=0.7, top_p=0.9, presence_penalty=0.5, frequency_penalty=0.25, stop=["。", "！"],
        logit_bias={"121": 2.5}, max_tokens=30,
    ).choices  # fmt: skip
    same = ("stop=。|！", "logit_bias=#121:2.5", "presence_penalty=0.5", "frequency_penalty=0.25", "temperature=0.7")
    assert [choice.text] == written("poem", "白日", seed=1, processors=(*same, "top_p=0.9"), max_new=30)
    assert choice.finish_reason == "stop"


def test_temperature_zero_is_greedy(client):
    [choice] = client.completions.create(model="poem", prompt="白日", temperature=0).choices
    assert [choice.text] == written("poem", "白日", decoder="greedy", max_new=16)


def test_our_processors_come_through_one_object(client):
    given = {**VERSE, "form": "五绝", "form_tones": "strict"}
    [choice] = client.completions.create(**POEM, max_tokens=40, extra_body={"gen_xargs": given}).choices
    same = ("top_k=50", "no_repeat=30,exempt=punctuation", "form=五绝,tones=strict")
    assert [choice.text] == written("poem", "白日", seed=1, processors=same, max_new=40)
    assert choice.finish_reason == "stop"


@pytest.mark.parametrize(("given", "decoder"), [
    ({"decoder": "beam", "beam_width": 3}, "beam,width=3"), ({"decoder": "smc", "smc_particles": 4}, "smc,particles=4"),
])  # fmt: skip
def test_decoders_are_chosen_in_the_same_object(client, given, decoder):
    wish = {**POEM, "max_tokens": 6, "extra_body": {"gen_xargs": given}}
    [choice] = client.completions.create(**wish).choices
    assert [choice.text] == written("poem", "白日", seed=1, decoder=decoder, max_new=6)
    assert "".join(each.choices[0].text for each in client.completions.create(**wish, stream=True)) == choice.text


def test_the_best_are_the_likeliest_a_token(client):
    told = client.completions.create(**POEM, best_of=4, n=2, max_tokens=5)
    drawn = engine("poem").generate("白日", seed=1, num=4, max_new=5)
    best = sorted(drawn, key=lambda done: -done.logprob / len(done.logprobs))[:2]
    assert [each.text for each in told.choices] == [done.new for done in best]
    assert told.usage.completion_tokens == 20


def test_usage_counts_tokens(client):
    told = client.completions.create(**POEM, n=2, max_tokens=3).usage
    assert (told.prompt_tokens, told.completion_tokens, told.total_tokens) == (3, 6, 9)


# --------------------------------------------------------------------------------------------- log-probabilities


def test_a_scored_prompt_has_all_four_arrays(client):
    [choice] = client.completions.create(model="poem", prompt="白日依", echo=True, logprobs=2, max_tokens=0).choices
    told = choice.logprobs
    assert (choice.text, told.tokens, told.text_offset) == ("白日依", ["白", "日", "依"], [0, 1, 2])
    assert (told.token_logprobs[0], told.top_logprobs[0]) == (None, None)
    [alone] = engine("poem").generate("白日", processors=("choice=依",), max_new=1, seed=1)
    assert told.token_logprobs[2] == pytest.approx(alone.logprobs[0], abs=1e-5)
    assert all(2 <= len(each) <= 3 for each in told.top_logprobs[1:])


def test_new_tokens_have_the_models_own_logprobs(client):
    [choice] = client.completions.create(**POEM, logprobs=0, temperature=0.5, max_tokens=4).choices
    [done] = engine("poem").generate("白日", seed=1, processors=("temperature=0.5",), max_new=4)
    assert choice.logprobs.token_logprobs == list(done.logprobs)
    assert choice.logprobs.top_logprobs == [{t: p} for t, p in zip(choice.text, done.logprobs, strict=True)]


def test_the_likeliest_tokens_are_told_in_order(client):
    [choice] = client.completions.create(**POEM, logprobs=5, temperature=0, max_tokens=4).choices
    for token, logprob, top in zip(
        choice.text, choice.logprobs.token_logprobs, choice.logprobs.top_logprobs, strict=True
    ):
        assert (len(top), next(iter(top)), top[token]) == (5, token, logprob)
        assert sorted(top.values(), reverse=True) == list(top.values())


# ------------------------------------------------------------------------------------------------------ streams


def test_a_stream_brings_the_same_text_in_whole_characters(client):
    wish = {**POEM, "max_tokens": 20, "stop": "。"}
    chunks = [each.choices[0] for each in client.completions.create(**wish, stream=True)]
    [whole] = client.completions.create(**wish).choices
    assert "".join(each.text for each in chunks) == whole.text
    assert [each.finish_reason for each in chunks] == [None] * (len(chunks) - 1) + ["stop"]


def test_the_choices_of_a_stream_are_told_apart(client):
    texts = {}
    for chunk in client.completions.create(model="poem", prompt=["白", "秋"], seed=2, n=2, max_tokens=4, stream=True):
        texts[chunk.choices[0].index] = texts.get(chunk.choices[0].index, "") + chunk.choices[0].text
    wish = {"seed": 2, "num": 2, "max_new": 4}
    assert [texts[i] for i in range(4)] == [*written("poem", "白", **wish), *written("poem", "秋", **wish)]


def test_the_usage_of_a_stream_has_a_chunk_without_choices(client):
    chunks = list(client.completions.create(**POEM, stream=True, stream_options={"include_usage": True}))
    assert (chunks[-1].choices, chunks[-1].usage.total_tokens) == ([], 19)
    assert {each.usage for each in chunks[:-1]} == {None}


def test_an_echo_comes_first_in_a_stream(client):
    chunks = [each.choices[0] for each in client.completions.create(**POEM, stream=True, echo=True)]
    assert (chunks[0].text, "".join(each.text for each in chunks)) == (
        "白日",
        "白日" + written("poem", "白日", seed=1, max_new=16)[0],
    )


def test_a_stream_with_logprobs_tells_them_with_the_whole_text(client):
    first, last = (each.choices[0] for each in client.completions.create(**POEM, stream=True, logprobs=1))
    [whole] = client.completions.create(**POEM, logprobs=1).choices
    assert (first.text, first.logprobs, first.finish_reason) == (whole.text, whole.logprobs, None)
    assert (last.text, last.finish_reason) == ("", "length")


# ------------------------------------------------------------------------------------------------------- chats


def said(client, **wish):
    messages = [{"role": "user", "content": ASKED}]
    return client.chat.completions.create(**{"model": CHAT, "messages": messages, **wish})


def test_an_answer_is_what_the_engine_writes(client, chat_folder):
    [choice] = said(client, seed=3, max_tokens=20).choices
    assert [choice.message.content] == written(chat_folder, context=Chat(ASKED), seed=3, max_new=20)
    assert choice.message.role == "assistant"


def test_a_whole_conversation_is_read(client, chat_folder):
    turns = [("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", ASKED)]
    messages = [{"role": role, "content": text} for role, text in turns]
    [choice] = client.chat.completions.create(model=CHAT, messages=messages, seed=3, max_tokens=9).choices
    chat = Chat(ASKED, "Be brief.", earlier=(("user", "a"), ("assistant", "b")))
    assert [choice.message.content] == written(chat_folder, context=chat, seed=3, max_new=9)


def test_an_answer_is_streamed(client, chat_folder):
    chunks = [each.choices[0] for each in said(client, seed=3, max_tokens=20, stream=True)]
    text = "".join(each.delta.content or "" for each in chunks)
    assert [text] == written(chat_folder, context=Chat(ASKED), seed=3, max_new=20)
    assert (chunks[0].delta.role, chunks[-1].finish_reason) == ("assistant", "length")
    assert {each.finish_reason for each in chunks[:-1]} == {None}


def test_each_token_of_an_answer_has_its_logprob(client, chat_folder):
    [choice] = said(client, seed=3, max_tokens=6, logprobs=True, top_logprobs=3).choices
    entries = choice.logprobs.content
    assert b"".join(bytes(each.bytes) for each in entries).decode() == choice.message.content
    [done] = engine(chat_folder).generate("", context=Chat(ASKED), seed=3, max_new=6)
    assert [each.logprob for each in entries] == list(done.logprobs[: len(entries)])
    assert {len(each.top_logprobs) for each in entries} == {3}


def test_without_a_limit_the_model_has_what_it_can_read(client):
    told = said(client, seed=3)
    assert told.usage.total_tokens <= 256


def test_a_model_without_a_template_answers_no_chats(client):
    with pytest.raises(openai.BadRequestError, match="has no chat template; use /v1/completions"):
        said(client, model="poem")


# --------------------------------------------------------------------------------------------- response formats

CITY = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "size": {"type": "integer"},
        "is_old": {"type": "boolean"},
    },
    "required": ["name", "size"],
    "additionalProperties": False,
}


def test_an_answer_is_valid_under_its_schema(client):
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY, "strict": True}}
    for seed in range(4):
        [choice] = said(client, seed=seed, max_tokens=90, response_format=form).choices
        found = json.loads(choice.message.content)
        assert {"name", "size"} <= found.keys() <= {"name", "size", "is_old"}
        assert (type(found["name"]), type(found["size"])) == (str, int)


def test_an_answer_matches_its_pattern(client):
    form = {"type": "regex", "regex": "(yes|no)!{3}"}
    [choice] = said(client, seed=1, extra_body={"response_format": form}).choices
    assert choice.message.content in ("yes!!!", "no!!!")


def test_a_text_too_short_for_its_pattern_is_a_conflict(client):
    form = {"type": "regex", "regex": "[a-c]{40}"}
    with pytest.raises(openai.UnprocessableEntityError, match="within 5 new tokens; .*allow more tokens") as told:
        said(client, max_tokens=5, extra_body={"response_format": form})
    assert (told.value.code, told.value.body["members"]) == ("conflict", ["response_format"])


# ------------------------------------------------------------------------------------------------------- errors


def test_a_conflict_names_its_members(client):
    given = {"length": 5, "form": "五绝", "top_k": 5}
    for stream in (False, True):
        with pytest.raises(openai.UnprocessableEntityError) as told:
            client.completions.create(**POEM, max_tokens=40, stream=stream, extra_body={"gen_xargs": given})
        assert (told.value.code, told.value.body["members"]) == ("conflict", ["length=5", "form=五绝"])


def test_a_token_that_the_model_lacks_is_named(client):
    with pytest.raises(openai.BadRequestError, match="prompt has the token 99999"):
        client.completions.create(model="poem", prompt=[99999])
