"""Sampling, with greedy decoding as its limit: one row per text, one choice at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from functools import partial

from ..text.token_sets import Ids
from ..types import Draw, StepRequest
from .drafts import propose
from .generation import Generation, Going, Proposal, uniform
from .rows import Continuation
from .sampling import Scores
from .survivors import settle


def sample(generation: Generation) -> Generator[StepRequest, Scores, None]:
    """Draw each token from the choice distribution."""
    return _decode(generation, at_random=True)


def greedy(generation: Generation) -> Generator[StepRequest, Scores, None]:
    """Take the likeliest allowed token each time."""
    return _decode(generation, at_random=False)


def _decode(generation: Generation, *, at_random: bool) -> Generator[StepRequest, Scores, None]:
    def draw(row: int, text: Continuation) -> Draw:
        u = uniform(generation.seed, text.sample, len(text.tokens), 0, "draw") if at_random else None
        return generation.draw(row, text, u)

    texts = generation.texts()
    going: list[Going] = [(-1, text, why) for text, why in zip(texts, generation.run_on(texts), strict=True)]
    for text in texts:
        generation.stream(text)
    guess = None if generation.draft is None else generation.draft.begin(generation)
    while going := [item for item in going if not _finish_if_scored(generation, item)]:
        proposals = propose(generation, guess, going, draw) if guess is not None else []
        scores = yield generation.ask(going, draw, proposals)
        going = _read(generation, going, scores.forced)
        going = _write(generation, scores, going, proposals, at_random)


def _write(
    generation: Generation,
    scores: Scores,
    going: Sequence[Going],
    proposals: Sequence[Proposal],
    at_random: bool,
) -> list[Going]:
    """Write a token to each text; another one as long as a draft foresaw what was written. Returns the texts that have
    not ended.
    """
    number, numbers = 0, dict[int, int]()  # of the next draw of each text
    for place, (_, text, why) in enumerate(going):
        numbers[text.sample] = number
        number += len(proposals[place].draws) if proposals else why is None
    foreseen = {going[row][1].sample: proposal.segments for row, proposal in enumerate(proposals)}
    waiting: list[Going] = []
    level = 0
    while going:
        drawn = [(numbers[text.sample] + level, text) for _, text, why in going if why is None]
        settle(generation, scores, drawn)
        ended = [_take(generation, scores, number, text, at_random) for number, text in drawn]
        following: list[Going] = []
        for row, text, why in _run_on(generation, going, ended):
            right = why is None and _is_foreseen(text, foreseen.get(text.sample, ()), level, scores.forced[row])
            (following if right else waiting).append((row, text, why))
        going = following
        level += 1
    return sorted(waiting, key=lambda item: item[0])


def _is_foreseen(text: Continuation, segments: Sequence[tuple[int, ...]], level: int, forced: Sequence[float]) -> bool:
    """Whether the model has read what was just written, since it was proposed. It is scored then.

    `forced` ends with the scores of all segments.
    """
    if level >= len(segments) or segments[level] != tuple(text.tokens[-text.unread :]):
        return False
    left = sum(map(len, segments[level:]))
    scored = forced[len(forced) - left :][: text.unread]
    text.logprobs += scored[1:]  # the first one was drawn, and is scored already
    text.unread = text.forced = 0
    text.accepted += 1
    return True


def _read(generation: Generation, going: Sequence[Going], forced: Sequence[Sequence[float]]) -> list[Going]:
    """The texts with their current rows, after their forced tokens were scored."""
    shared = going[0][0] < 0
    found = [(0 if shared else number, text, why) for number, (_, text, why) in enumerate(going)]
    for row, text, _ in found:
        text.logprobs += forced[row][: text.forced]  # behind them are those of proposed tokens
        text.unread = text.forced = 0
    return found


def _run_on(generation: Generation, going: Sequence[Going], ended: Sequence[str | None]) -> Iterator[Going]:
    """Write forced tokens, send what is final, and return the texts that have not ended."""
    drawn = [text for _, text, why in going if why is None]
    alive = [text for text, why in zip(drawn, ended, strict=True) if why is None]
    finished, runs = iter(ended), iter(generation.run_on(alive))
    for row, text, why in going:
        if why is not None:
            yield row, text, why
        elif (end := next(finished)) is not None:
            generation.finish(text, end)
        else:
            yield row, text, next(runs)
            generation.stream(text)


def _finish_if_scored(generation: Generation, item: Going) -> bool:
    _, text, why = item
    if why is None or text.forced:
        return False
    generation.finish(text, why)
    return True


sample.takes_draft = greedy.takes_draft = True  # type: ignore[attr-defined]


def _take(generation: Generation, scores: Scores, number: int, text: Continuation, at_random: bool) -> str | None:
    """Write the first drawn token that has a witness behind it. Returns why the text ended, None if it did not."""
    token = scores.token(number)
    if (
        token is not None
        and token != generation.plan.end
        and generation.go_on(text, token, partial(scores.choice_logprob, number))
    ):
        _record(scores, number, text, token)
        return None

    def propose(struck: Ids, attempt: int) -> int | None:
        if not struck:
            return token
        u = uniform(generation.seed, text.sample, len(text.tokens), attempt, "draw") if at_random else None
        return scores.redraw(number, struck, u)

    among = scores.draws[number].allowed.members
    choice = generation.viable.first(
        text.joint, generation.left(text), propose, rest=text.rest, history=text.history, among=among
    )
    text.exact = text.exact and choice.exact
    if choice.token is not None:
        _record(scores, number, text, choice.token)
    if choice.joint is None:
        return "full" if choice.token is None else "end"
    assert choice.token is not None
    generation.write(text, choice, scores.choice_logprob(number, choice.token) if text.memory else 0.0)
    return None


def _record(scores: Scores, number: int, text: Continuation, token: int) -> None:
    text.logprobs.append(scores.logprob(number, token))
    if scores.undone[number]:
        text.undone.update(dict.fromkeys(scores.undone[number]))
