"""Sampling, and greedy decoding as its limit: one row for each text, one token at a time."""

from __future__ import annotations

from collections.abc import Generator

from ..course import ATTEMPTS, Course, Text, uniform
from ..scores import Scores
from ..types import Extend


def sample(course: Course) -> Generator[Extend, Scores, None]:
    """Draw each token from the choice distribution."""
    return _decode(course, at_random=True)


def greedy(course: Course) -> Generator[Extend, Scores, None]:
    """Take the likeliest allowed token each time."""
    return _decode(course, at_random=False)


def _decode(course: Course, *, at_random: bool) -> Generator[Extend, Scores, None]:
    prompt = course.plan.prompt.tokens
    live = [(0, text) for text in course.texts() if not _finish_if_done(course, text)]
    parents: tuple[int, ...] = (-1,)
    keep: tuple[int, ...] = (0,)
    tokens: tuple[tuple[int, ...], ...] = (prompt,)
    while live:
        draws = tuple(course.draw(row, text, at_random=at_random) for row, text in live)
        scores = yield Extend(parents, keep, tokens, draws)
        going = [
            (row, text)
            for number, (row, text) in enumerate(live)
            if not (_take(course, scores, number, text, at_random) or _finish_if_done(course, text))
        ]
        parents = tuple(row for row, _ in going)
        keep = tuple(len(prompt) + len(text.tokens) - 1 for _, text in going)
        tokens = tuple((text.tokens[-1],) for _, text in going)
        live = [(row, text) for row, (_, text) in enumerate(going)]


def _finish_if_done(course: Course, text: Text) -> bool:
    why = course.ending(text)
    if why is not None:
        course.finish(text, why)
    return why is not None


def _take(course: Course, scores: Scores, number: int, text: Text, at_random: bool) -> bool:
    """Write the first drawn token that has a witness behind it; True if the text ended instead."""
    struck: tuple[int, ...] = ()
    token: int | None = scores.drawn[number]
    while token is not None and token != course.plan.chain.vocabulary.end:
        joint = course.plan.product.next(text.joint, token)
        answer = course.plan.is_alive(joint, course.left(text) - 1, text.joint)
        if answer == "yes":
            _record(scores, number, text, token)
            course.extend(text, token, joint)
            course.stream(text)
            return False
        text.exact = text.exact and answer == "no"
        struck = (*struck, token)
        token = _redraw(course, scores, number, text, struck, at_random)
    if token is not None:
        _record(scores, number, text, token)
    course.finish(text, "full" if token is None else "end")
    return True


def _redraw(
    course: Course, scores: Scores, number: int, text: Text, struck: tuple[int, ...], at_random: bool
) -> int | None:
    """Another token, the struck ones aside; None where only the end is left and the model has no token for it."""
    if len(struck) >= ATTEMPTS:
        text.exact = False
        rest = course.plan.prover.witness(text.joint, course.left(text))
        return rest[0] if rest else course.plan.chain.vocabulary.end
    place = uniform(course.seed, text.sample, len(text.tokens), len(struck), "draw") if at_random else None
    return scores.redraw(number, struck, place)


def _record(scores: Scores, number: int, text: Text, token: int) -> None:
    text.logprobs.append(scores.logprob(number, token))
    text.undone.update(dict.fromkeys(scores.undone[number]))
