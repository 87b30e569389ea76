"""What a request asks of us, in its `vllm_xargs`, and which of vLLM's own parameters do not go with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gen_engine.errors import GenError, quoted

KEYS = ("gen_with", "gen_prompt")
"""The keys of `vllm_xargs` that are ours."""

AGAINST = {
    "min_tokens": "ask for a length (length=...)",
    "stop": "ask for a pattern (regex=...)",
    "ignore_eos": "leave it out",
    "bad_words": "ask for a ban (ban=...)",
    "allowed_token_ids": "ask for characters (only=...)",
    "structured_outputs": "ask for the same by gen_with (regex=..., choice=...)",
    "thinking_token_budget": "leave it out",
    "repetition_detection": "ask for no_repeat_ngram=N",
    "trace_decode_token_ids": "leave it out",
}
"""Parameters by which vLLM forces, forbids or ends texts itself, against the rules; each with its remedy."""


@dataclass(frozen=True)
class Asked:
    """The processors of a request, the beginning of the text that they judge, and the most tokens it may have."""

    processors: tuple[str, ...]
    prompt: str
    max_new: int


def is_asked(sampling_params: Any) -> bool:
    """Whether a request has any key of ours; for others nothing is ever done."""
    given = getattr(sampling_params, "extra_args", None) or {}
    return any(str(key).startswith("gen_") for key in given)


def asked_of(sampling_params: Any) -> Asked:
    """What a request with keys of ours asks. Raises GenError if it is not well-formed, or contradicts itself."""
    given = sampling_params.extra_args
    for key in given:
        if str(key).startswith("gen_") and key not in KEYS:
            raise GenError(f"vllm_xargs has {quoted(key)}, which nothing reads; its keys are {' and '.join(KEYS)}.")
    processors, prompt = given.get("gen_with"), given.get("gen_prompt", "")
    processors = [processors] if isinstance(processors, str) else processors
    if not isinstance(processors, (list, tuple)) or not processors or not all(map(_is_text, processors)):
        raise GenError('gen_with is no list of processors; write them as for --with: ["length=20", "ban=a"].')
    if not _is_text(prompt):
        raise GenError(f"gen_prompt={quoted(prompt)} is no text; give the beginning of the judged text.")
    for name, remedy in AGAINST.items():
        if getattr(sampling_params, name, None):
            raise GenError(f"{name} and gen_with do not go together, since it may break a rule; {remedy}.")
    if not isinstance(sampling_params.max_tokens, int):
        raise GenError("max_tokens is not given, so that no rest can be planned; give the most tokens of the text.")
    return Asked(tuple(processors), prompt, sampling_params.max_tokens)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
