"""Sampling, and greedy decoding as its limit: one row for each text, one choice at a time."""

from __future__ import annotations

from collections.abc import Generator

from ..course import ATTEMPTS, Course, Going, Text, uniform
from ..scores import Scores
from ..types import Draw, Extend
from .survivors import DOUBTS, settle

SWEEP = 16
"""After so many strikes at one place all tokens are asked about, those that behave alike at once."""


def sample(course: Course) -> Generator[Extend, Scores, None]:
    """Draw each token from the choice distribution."""
    return _decode(course, at_random=True)


def greedy(course: Course) -> Generator[Extend, Scores, None]:
    """Take the likeliest allowed token each time."""
    return _decode(course, at_random=False)


def _decode(course: Course, *, at_random: bool) -> Generator[Extend, Scores, None]:
    def draw(row: int, text: Text) -> Draw:
        place = uniform(course.seed, text.sample, len(text.tokens), 0, "draw") if at_random else None
        return course.draw(row, text, place)

    going: list[Going] = [(-1, text, course.begin(text)) for text in course.texts()]
    while going := [item for item in going if not _finish_if_scored(course, item)]:
        shared = going[0][0] < 0
        scores = yield course.ask(going, draw)
        after: list[Going] = []
        drawn = 0
        for number, (_, text, why) in enumerate(going):
            row = 0 if shared else number
            text.logprobs += scores.forced[row]
            text.fresh = text.forced = 0
            if why is not None:
                after.append((row, text, why))
                continue
            if not _take(course, scores, drawn, text, at_random):
                after.append((row, text, course.run_on(text)))
                course.stream(text)
            drawn += 1
        going = after


def _finish_if_scored(course: Course, item: Going) -> bool:
    _, text, why = item
    if why is None or text.forced:
        return False
    course.finish(text, why)
    return True


def _take(course: Course, scores: Scores, number: int, text: Text, at_random: bool) -> bool:
    """Write the first drawn token that has a witness behind it; True if the text ended instead."""
    struck: tuple[int, ...] = ()
    attempts = doubts = 0
    settle(course, scores, number, text)
    token = scores.token(number)
    while token is not None and token != course.plan.chain.vocabulary.end:
        joint = course.plan.product.next(text.joint, token)
        answer = course.plan.is_alive(joint, course.left(text) - 1, text.joint)
        if answer == "yes":
            _record(scores, number, text, token)
            course.write(text, token, joint, scores.choice_logprob(number, token) if text.memory else 0.0)
            return False
        text.exact = text.exact and answer == "no"
        struck = (*struck, token)
        doubts += answer == "undecided"
        attempts += 1
        if attempts == SWEEP and not doubts:
            struck = (*struck, *_sweep(course, scores, number, text))
        if doubts < DOUBTS and attempts < ATTEMPTS:
            place = uniform(course.seed, text.sample, len(text.tokens), attempts, "draw") if at_random else None
            token = scores.redraw(number, struck, place)
        else:
            token, text.exact = course.witness(text), False
    if token is not None:
        _record(scores, number, text, token)
    course.finish(text, "full" if token is None else "end")
    return True


def _sweep(course: Course, scores: Scores, number: int, text: Text) -> set[int]:
    """Those of the tokens that may follow that are seen to be dead: they are many here."""
    members = scores.draws[number].allowed.to_array().nonzero()[0].tolist()
    tokens = [token for token in members if token != course.plan.chain.vocabulary.end]
    return course.living.seen_dead(text.joint, course.left(text), tokens)


def _record(scores: Scores, number: int, text: Text, token: int) -> None:
    text.logprobs.append(scores.logprob(number, token))
    text.undone.update(dict.fromkeys(scores.undone[number]))
