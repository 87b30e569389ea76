"""What requests of the completions protocol wish for. A server reads them here, and so does a file of requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gen_engine.errors import GenError
from gen_engine.types import Spec

from ..messages import ModelFacts, TextDone, TextWish
from .errors import refusal
from .protocol import ChatRequest, CompletionRequest, JsonSchema, Pattern, Shared
from .schema import regex_of_schema

MAX_TOKENS = 16
"""How many new tokens are written by default."""

FINISH = {"budget": "length"}
"""What the protocol calls an end of a text, if not "stop"."""


def texts_wished(asked: CompletionRequest, *, longest: float, most: int) -> list[TextWish]:
    """The wishes of a request for texts: one for each prompt.

    Raises HTTPException for what cannot be wished, such as more than `most` texts, or a patience beyond `longest`.
    """
    wish = _wish_of(
        asked,
        longest,
        draws=asked.best_of,
        max_new=MAX_TOKENS if asked.max_tokens is None else asked.max_tokens,
        logprobs=asked.logprobs,
        echo=bool(asked.echo),
    )
    wishes = [replace(wish, prompt=prompt) for prompt in prompts_of(asked)]
    drawn = len(wishes) * (wish.draws or wish.num)
    if drawn > most:
        raise refusal(f"It asks for {drawn:,} texts in all, and {most:,} are written at once here; ask for fewer.",
                      code="invalid", param=_asks_for_most(wish, len(wishes)))  # fmt: skip
    return wishes


def _asks_for_most(wish: TextWish, prompts: int) -> str:
    """The field that makes a request one for many texts."""
    if prompts > (wish.draws or wish.num):
        return "prompt"
    return "best_of" if (wish.draws or 1) > wish.num else "n" if wish.num > 1 else "prompt"


def chat_wished(asked: ChatRequest, facts: ModelFacts, *, longest: float) -> list[TextWish]:
    """The wish of a request for an answer to a chat. Raises HTTPException likewise."""
    if not facts.has_chat:
        raise refusal(f"The model {facts.name} has no chat template; use /v1/completions, or take a chat model.",
                      code="no_chat_template", param="model")  # fmt: skip
    turns = tuple(each.turn for each in asked.messages)
    if turns[-1][0] != "user":
        raise refusal("The last message is not the user's, so there is nothing to answer; end with one of theirs.",
                      code="invalid", param=f"messages.{len(turns) - 1}.role")  # fmt: skip
    most = asked.max_tokens if asked.max_completion_tokens is None else asked.max_completion_tokens
    top = (asked.top_logprobs or 0) if asked.logprobs else None
    return [_wish_of(asked, longest, chat=turns, max_new=most, logprobs=top)]


def prompts_of(asked: CompletionRequest) -> list[str | tuple[int, ...]]:
    """Each prompt of a request, as text or as tokens."""
    prompt: Any = asked.prompt
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt[0], int):
        return [tuple(prompt)]
    return [each if isinstance(each, str) else tuple(each) for each in prompt]


def _wish_of(asked: Shared, longest: float, **more: Any) -> TextWish:
    given = asked.gen_xargs
    names = {*given.model_fields_set} if given is not None else set()
    twice = next((name for name in asked.own_names if name in names), None)
    if twice is not None:
        raise refusal(f"{twice} is asked for twice; give it by its own field, or in gen_xargs.", code="invalid",
                      param=f"gen_xargs.{twice}")  # fmt: skip
    decoder = given.decoder_spec if given is not None else None
    if asked.temperature == 0 and decoder not in (None, "greedy"):
        raise refusal(f"temperature=0 takes the likeliest tokens, and the decoder {decoder} others; leave one out.",
                      code="invalid", param="temperature")  # fmt: skip
    if given is not None and given.patience is not None and given.patience > longest:
        raise refusal(f"The patience here is {longest:g} seconds; ask for less.", code="invalid",
                      param="gen_xargs.patience")  # fmt: skip
    return TextWish(
        processors=(
            *_pattern(asked),
            *asked.shared_specs,
            *(given.specs if given is not None else ()),
            *asked.last_specs,
        ),
        decoder=decoder or ("greedy" if asked.temperature == 0 else "sample"),
        num=asked.n or 1,
        patience=None if given is None else given.patience,
        **more,
    )


def _pattern(asked: Shared) -> tuple[str, ...]:
    """The processor of a response format."""
    wanted = asked.response_format
    if isinstance(wanted, Pattern):
        return (str(Spec("regex", (wanted.regex,))),)
    if not isinstance(wanted, JsonSchema):
        return ()
    try:
        found = regex_of_schema(wanted.json_schema.schema_)
    except GenError as problem:
        raise refusal(str(problem), code="invalid", param="response_format") from None
    return (str(Spec("regex", (found,))),)


def pattern_of(asked: Shared, wish: TextWish) -> str | None:
    """The processor that a response format became in a wish, None if there is none."""
    return wish.processors[0] if isinstance(asked.response_format, Pattern | JsonSchema) else None


# ------------------------------------------------------------------------------------------------------- answers


def ended(done: TextDone) -> dict[str, Any]:
    """How a text ended, and what the engine promises of it."""
    promises = ("finish", "logprob", "exact", "reproducible", "portable", "undone")
    return {
        "finish_reason": FINISH.get(done.record["finish"], "stop"),
        "gen": {name: done.record[name] for name in promises},
    }


def usage(counts: Sequence[Mapping[str, int]]) -> dict[str, int]:
    """How many tokens all wishes read and drew."""
    read, drawn = (sum(each[name] for each in counts) for name in ("prompt_tokens", "completion_tokens"))
    return {"prompt_tokens": read, "completion_tokens": drawn, "total_tokens": read + drawn}
