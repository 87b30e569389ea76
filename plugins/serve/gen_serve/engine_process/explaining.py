"""What each choice of a finished text cost, under the rules of the request that it was written for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gen_engine.errors import GenError
from gen_engine.inspecting.explain import Explanation, explain_text
from gen_engine.inspecting.explain_tables import explanation_record
from gen_engine.text.spellings import converted

from ..messages import ExplainWish, Submit, TextDone

if TYPE_CHECKING:
    from gen_engine.cli.tasks import Task


def explained(asked: Submit, task: Task, wish: ExplainWish) -> TextDone:
    """The explanation of a text as it was told, with `wish.top` tokens for each place.

    Commands show a text in another script, or with other marks, than the model wrote it in. So of all texts that may
    have been meant, the one is explained that the model most likely wrote. Raises GenError if the text does not begin
    as the request says, or has a character that the model cannot write.
    """
    found: list[Explanation] = []
    problems: list[GenError] = []
    for text in dict.fromkeys(_meant(task, wish.text)):
        try:
            found.append(_explain(task, text, wish.top))
        except GenError as problem:
            problems.append(problem)
    if not found:
        raise problems[0]
    likeliest = min(found, key=lambda each: each.nats)
    return TextDone(asked.number, 0, {"explanation": explanation_record(likeliest)})


def _explain(task: Task, text: str, top: int) -> Explanation:
    asked = task.request
    return explain_text(
        task.engine,
        text,
        prompt=asked.prompt,
        processors=asked.processors,
        max_new=asked.max_new,
        top=top,
        context=asked.context,
    )


def _meant(task: Task, text: str) -> Iterator[str]:
    """The texts that the model may have written where `text` is told: itself, and others that are shown as it is."""
    typed = task.request.prompt
    prompt = typed if isinstance(typed, str) else typed.text
    lines = text.splitlines()
    if len(lines) > 1 and list(task.show.lines("".join(lines))) == lines:
        text = "".join(lines)
    if text.startswith(prompt):
        yield text
    rest = text[len(prompt) :]
    for other in (rest, converted("t2s", rest), converted("s2t", rest)):
        if task.show.text(prompt + other) == text:
            yield prompt + other
    if not text.startswith(prompt):
        yield text  # whose error says what is wrong
