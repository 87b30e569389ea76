"""Sampling, and greedy decoding as its limit: one row for each text, one choice at a time."""

from __future__ import annotations

from collections.abc import Generator

from ..course import Course, Going, Text, uniform
from ..scores import Scores
from ..tokensets import Ids
from ..types import Draw, Extend
from .survivors import settle


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
        settle(course, scores, list(enumerate(text for _, text, why in going if why is None)))
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

    def propose(struck: Ids, attempt: int) -> int | None:
        if not struck:
            return scores.token(number)
        place = uniform(course.seed, text.sample, len(text.tokens), attempt, "draw") if at_random else None
        return scores.redraw(number, struck, place)

    among = scores.draws[number].allowed.members
    choice = course.viable.first(
        text.joint, course.left(text), propose, rest=text.rest, history=text.history, among=among
    )
    text.exact = text.exact and choice.exact
    if choice.token is not None:
        _record(scores, number, text, choice.token)
    if choice.joint is None:
        course.finish(text, "full" if choice.token is None else "end")
        return True
    assert choice.token is not None
    course.write(text, choice, scores.choice_logprob(number, choice.token) if text.memory else 0.0)
    return False


def _record(scores: Scores, number: int, text: Text, token: int) -> None:
    text.logprobs.append(scores.logprob(number, token))
    text.undone.update(dict.fromkeys(scores.undone[number]))
