"""What clients of the completions protocol may ask. Unknown fields are refused, and so are those without effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Tag, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from gen_engine.types import Spec

from .bounds import LONGEST, SEED, TEXTS
from .processors import FAILED, Arguments, Number, Truth, Whole, Words, arguments, wrong

if TYPE_CHECKING:
    Processors = Arguments
else:
    Processors = arguments()

MOST_TOKENS = 1_000_000
"""The most tokens that may be asked for; the server's own bounds are lower."""

COLDEST = 0.001
"""The lowest temperature but 0, which means the likeliest token."""

Stop = Annotated[Words, Field(min_length=1)]
Token = Annotated[Whole, Field(ge=0)]
Read = Annotated[Words, Field(max_length=LONGEST)]
Bias = Annotated[Number, Field(ge=-100, le=100)]


class StreamOptions(BaseModel):
    """`include_usage` adds a last chunk that counts the tokens."""

    model_config = ConfigDict(extra="forbid")
    include_usage: Truth = False
    include_obfuscation: Literal[False] | None = Field(None, description="Nothing is added to chunks.")


class PlainText(BaseModel):
    """Any text."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]


class Pattern(BaseModel):
    """The whole new text matches `regex`, as the processor of that name has it."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["regex"]
    regex: Annotated[Words, Field(min_length=1)]


class NamedSchema(BaseModel):
    """A JSON schema. `name`, `description` and `strict` change nothing: every answer is valid under the schema."""

    model_config = ConfigDict(extra="forbid")
    name: Words | None = None
    description: Words | None = None
    strict: Truth | None = None
    schema_: dict[str, Any] = Field(alias="schema")


class JsonSchema(BaseModel):
    """The whole new text is JSON that is valid under a schema."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["json_schema"]
    json_schema: NamedSchema


class JsonObject(BaseModel):
    """JSON without a schema, which is refused: no regular expression describes all of it."""

    type: Literal["json_object"]

    @model_validator(mode="after")
    def _refuse(self) -> JsonObject:
        raise PydanticCustomError(FAILED, "json_object has no schema; give json_schema with one")


ResponseFormat = Annotated[
    Annotated[PlainText, Tag("text")] | Pattern | JsonSchema | JsonObject, Field(discriminator="type")
]


class Shared(BaseModel):
    """What texts and chats have in common."""

    model_config = ConfigDict(extra="forbid")

    model: Words = Field(description="One of `/v1/models`.")
    n: Annotated[Whole, Field(ge=1, le=TEXTS)] | None = Field(None, description="How many texts [1].")
    seed: Annotated[Whole, Field(ge=0, le=SEED)] | None = Field(
        None, description="The same seed gives the same texts. By default, one is drawn, and the answer tells it."
    )
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = Field(
        None, description="End the text before any of these strings."
    )
    stream: Truth | None = Field(None, description="Send chunks as server-sent events.")
    stream_options: StreamOptions | None = None
    logit_bias: dict[str, Bias] | None = Field(None, description="Added to the logits of tokens, by their ids.")
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = Field(
        None, description="Divides the logits [1]; 0 takes the likeliest token each time."
    )
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = Field(
        None, description="Keep the likeliest tokens whose probabilities add up to this [1]."
    )
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = Field(
        None, description="Subtracted from the logit of each token that the new text has [0]."
    )
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = Field(
        None, description="The same for each time that it has the token [0]."
    )
    user: Words | None = Field(None, description="Who asks; it changes nothing and is not kept.")
    response_format: ResponseFormat | None = None
    gen_xargs: Processors | None = Field(None, description="Processors of this engine, in order.")

    @field_validator("logit_bias")
    @classmethod
    def _check_tokens(cls, biases: Mapping[str, float] | None) -> Mapping[str, float] | None:
        odd = next((token for token in biases or () if not (token.isascii() and token.isdigit())), None)
        if odd is not None:
            raise PydanticCustomError(FAILED, "its keys are ids of tokens, and one is none; write numbers from 0")
        return biases

    @field_validator("temperature")
    @classmethod
    def _check_temperature(cls, value: float | None) -> float | None:
        if value and value < COLDEST:
            raise PydanticCustomError(FAILED, f"the lowest is {COLDEST}; give more, or 0 for the likeliest tokens")
        return value

    @model_validator(mode="after")
    def _check_options(self) -> Shared:
        if self.stream_options is not None and not self.stream:
            raise wrong("stream_options", "they are for streams; leave them out, or give stream=true")
        return self

    @property
    def shared_specs(self) -> tuple[str, ...]:
        """The processors that the protocol's own fields ask for, but for those that come last."""
        told: list[Spec] = []
        if self.stop:
            told.append(Spec("stop", tuple(dict.fromkeys([self.stop] if isinstance(self.stop, str) else self.stop))))
        if self.logit_bias:
            told.append(Spec("logit_bias", tuple(f"#{int(key)}:{bias}" for key, bias in self.logit_bias.items())))
        penalties = {"presence_penalty": self.presence_penalty, "frequency_penalty": self.frequency_penalty}
        told += [Spec(name, (str(value),)) for name, value in penalties.items() if value]
        return tuple(map(str, told))

    @property
    def last_specs(self) -> tuple[str, ...]:
        """Those that come last, as of the command line: temperature, then top_p."""
        given = {"temperature": self.temperature, "top_p": self.top_p}
        wanted = (
            (name, value) for name, value in given.items() if value not in (None, 1) and (value or name == "top_p")
        )
        return tuple(str(Spec(name, (str(value),))) for name, value in wanted)

    @property
    def own_names(self) -> tuple[str, ...]:
        """The processors that fields of the protocol ask for."""
        names = ("stop", "logit_bias", "presence_penalty", "frequency_penalty", "temperature", "top_p")
        told = tuple(name for name in names if getattr(self, name) is not None)
        return (*told, "regex") if isinstance(self.response_format, Pattern | JsonSchema) else told


class CompletionRequest(Shared):
    """A text to continue."""

    prompt: (
        Read
        | Annotated[list[Read], Field(min_length=1, max_length=TEXTS, fail_fast=True)]
        | Annotated[list[Token], Field(min_length=1, max_length=LONGEST, fail_fast=True)]
        | Annotated[
            list[Annotated[list[Token], Field(min_length=1, max_length=LONGEST, fail_fast=True)]],
            Field(min_length=1, max_length=TEXTS, fail_fast=True),
        ]
    ) = Field(description="The text to continue, or its tokens; or a list of either, each of which gets n texts.")
    best_of: Annotated[Whole, Field(ge=1, le=TEXTS)] | None = Field(
        None, description="Draw so many texts, and return the n likeliest a token [n]."
    )
    echo: Truth | None = Field(None, description="Return the prompt before the new text.")
    logprobs: Annotated[Whole, Field(ge=0, le=5)] | None = Field(
        None, description="Return log-probabilities, and those of so many of the likeliest tokens."
    )
    max_tokens: Annotated[Whole, Field(ge=0, le=MOST_TOKENS)] | None = Field(None, description="New tokens [16].")
    suffix: Literal[""] | None = Field(None, description="No text can be written before another one here.")

    @field_validator("prompt", mode="before")
    @classmethod
    def _check_prompt(cls, value: Any) -> Any:
        if _is_prompt(value) or (isinstance(value, list) and _are_prompts(value)):
            return value
        raise PydanticCustomError(FAILED, "give a text, a list of texts, the tokens of a text, or a list of such lists")

    @field_validator("suffix", mode="before")
    @classmethod
    def _refuse_suffix(cls, value: Any) -> Any:
        return _without_effect(value, ("",), "no text is written before another one; leave it out")

    @model_validator(mode="after")
    def _check_best_of(self) -> CompletionRequest:
        if self.best_of is not None and self.best_of < (self.n or 1):
            raise wrong("best_of", "it is less than n; draw at least as many texts")
        if self.stream and self.best_of is not None and self.best_of > (self.n or 1):
            raise wrong("best_of", "the best are known when all texts are drawn; leave out stream, or this")
        return self


class TextPart(BaseModel):
    """A part of a message. Only texts can be read."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["text"]
    text: Words


class Message(BaseModel):
    """What someone says. Parts are joined by line breaks."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["system", "developer", "user", "assistant"]
    content: Words | Annotated[list[TextPart], Field(min_length=1)]
    name: None = None
    refusal: None = None
    audio: None = None
    function_call: None = None
    tool_calls: Any = None
    annotations: Any = None

    @field_validator("name", "refusal", "audio", "function_call", "tool_calls", "annotations", mode="before")
    @classmethod
    def _refuse_others(cls, value: Any) -> Any:
        return _without_effect(value, ([],), "chats are texts alone here; leave it out")

    @property
    def turn(self) -> tuple[str, str]:
        """Role and text."""
        parts = [self.content] if isinstance(self.content, str) else [part.text for part in self.content]
        return "system" if self.role == "developer" else self.role, "\n".join(parts)


NEUTRAL: dict[str, tuple[Any, ...]] = {
    "tools": ([],), "functions": ([],), "tool_choice": ("none", "auto"), "function_call": ("none", "auto"),
    "parallel_tool_calls": (True, False), "modalities": (["text"],), "store": (False,), "metadata": ({},),
    "service_tier": ("auto", "default"), "reasoning_effort": ("none",), "audio": (), "prediction": (), "verbosity": (),
    "web_search_options": (), "prompt_cache_key": (), "prompt_cache_retention": (), "moderation": (),
}  # fmt: skip
"""Fields that have no effect here, and the values that ask for none."""


class ChatRequest(Shared):
    """A chat to go on with. The model must have a chat template."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=TEXTS, fail_fast=True)]
    max_tokens: Annotated[Whole, Field(ge=1, le=MOST_TOKENS)] | None = Field(
        None, description="New tokens at most [what the model has room for, at most 4096]."
    )
    max_completion_tokens: Annotated[Whole, Field(ge=1, le=MOST_TOKENS)] | None = Field(
        None, description="The same under its newer name; give one of them."
    )
    logprobs: Truth | None = Field(None, description="Return log-probabilities.")
    top_logprobs: Annotated[Whole, Field(ge=0, le=20)] | None = Field(
        None, description="And those of so many of the likeliest tokens at each place."
    )
    safety_identifier: Words | None = Field(None, description="The newer name of user.")
    tools: Any = Field(None, description="There are no tools here, and so on: only values that ask for nothing.")
    functions: Any = None
    tool_choice: Any = None
    function_call: Any = None
    parallel_tool_calls: Any = None
    modalities: Any = None
    store: Any = None
    metadata: Any = None
    service_tier: Any = None
    reasoning_effort: Any = None
    audio: Any = None
    prediction: Any = None
    verbosity: Any = None
    web_search_options: Any = None
    prompt_cache_key: Any = None
    prompt_cache_retention: Any = None
    moderation: Any = None

    @field_validator(*NEUTRAL, mode="before")
    @classmethod
    def _refuse_others(cls, value: Any, about: ValidationInfo) -> Any:
        return _without_effect(value, NEUTRAL[str(about.field_name)], "it has no effect here; leave it out")

    @model_validator(mode="after")
    def _check_together(self) -> ChatRequest:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise wrong("max_tokens", "max_completion_tokens means the same; give one of them")
        if self.top_logprobs is not None and not self.logprobs:
            raise wrong("top_logprobs", "it needs logprobs=true; add that, or leave this out")
        return self


def _is_prompt(value: Any) -> bool:
    """Whether this may be a text or its tokens; how long they may be is a matter of types."""
    return isinstance(value, str) or (isinstance(value, list) and all(type(each) is int for each in value))


def _are_prompts(values: list[Any]) -> bool:
    return len({type(each) for each in values}) == 1 and all(map(_is_prompt, values))


def _without_effect(value: Any, neutral: tuple[Any, ...], remedy: str) -> Any:
    """None for a value that asks for nothing. Raises for others."""
    if value is None or any(value == each and type(value) is type(each) for each in neutral):
        return None
    raise PydanticCustomError(FAILED, remedy)
