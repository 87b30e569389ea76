"""Sampling, with greedy decoding as its limit: one row per text, one choice at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import partial

from ..text.token_sets import Ids
from ..types import Draw, Extend
from .rows import Text
from .sampling import Scores
from .sequences import Course, Going, uniform
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

    texts = course.texts()
    going: list[Going] = [(-1, text, why) for text, why in zip(texts, course.run_on(texts), strict=True)]
    for text in texts:
        course.stream(text)
    while going := [item for item in going if not _finish_if_scored(course, item)]:
        scores = yield course.ask(going, draw)
        going = _read(course, going, scores.forced)
        drawn = [text for _, text, why in going if why is None]
        settle(course, scores, list(enumerate(drawn)))
        ended = [_take(course, scores, number, text, at_random) for number, text in enumerate(drawn)]
        going = list(_run_on(course, going, ended))


def _read(course: Course, going: Sequence[Going], forced: Sequence[Sequence[float]]) -> list[Going]:
    """The texts with their current rows, after their forced tokens were scored."""
    shared = going[0][0] < 0
    found = [(0 if shared else number, text, why) for number, (_, text, why) in enumerate(going)]
    for row, text, _ in found:
        text.logprobs += forced[row]
        text.fresh = text.forced = 0
    return found


def _run_on(course: Course, going: Sequence[Going], ended: Sequence[str | None]) -> Iterator[Going]:
    """Write forced tokens, send what is final, and return the texts that have not ended."""
    drawn = [text for _, text, why in going if why is None]
    alive = [text for text, why in zip(drawn, ended, strict=True) if why is None]
    finished, runs = iter(ended), iter(course.run_on(alive))
    for row, text, why in going:
        if why is not None:
            yield row, text, why
        elif (end := next(finished)) is not None:
            course.finish(text, end)
        else:
            yield row, text, next(runs)
            course.stream(text)


def _finish_if_scored(course: Course, item: Going) -> bool:
    _, text, why = item
    if why is None or text.forced:
        return False
    course.finish(text, why)
    return True


def _take(course: Course, scores: Scores, number: int, text: Text, at_random: bool) -> str | None:
    """Write the first drawn token that has a witness behind it. Returns why the text ended, None if it did not."""
    token = scores.token(number)
    if (
        token is not None
        and token != course.plan.end
        and course.go_on(text, token, partial(scores.choice_logprob, number))
    ):
        _record(scores, number, text, token)
        return None

    def propose(struck: Ids, attempt: int) -> int | None:
        if not struck:
            return token
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
        return "full" if choice.token is None else "end"
    assert choice.token is not None
    course.write(text, choice, scores.choice_logprob(number, choice.token) if text.memory else 0.0)
    return None


def _record(scores: Scores, number: int, text: Text, token: int) -> None:
    text.logprobs.append(scores.logprob(number, token))
    if scores.undone[number]:
        text.undone.update(dict.fromkeys(scores.undone[number]))
