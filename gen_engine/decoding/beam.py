"""Beam search: the likeliest texts by the model's own log-probabilities, several beginnings at once.

All beams have one length in tokens. A step chooses one token for each, or writes a run of tokens to which none has an
alternative. Finished texts are put aside. Beams that can no longer win are dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field

from ..compiled.arithmetic import power
from ..errors import GenError
from ..types import Draw, StepRequest
from .generation import Generation
from .logits import Leaning
from .rows import Continuation
from .sampling import Scores, sound
from .survivors import settle
from .viable import ATTEMPTS, DOUBTS, Choice


def beam(width: int = 4, *, length_penalty: float = 1.0, groups: int = 1, diversity: float = 0.5) -> Beam:
    """Search for the likeliest texts with `width` beams and return the `num` best, the best first.

    Texts are ranked by the model's log-probability divided by length ** length_penalty, where length counts tokens and
    the end (above 0 favours long texts). Each of the `groups` has an equal share of the beams. It avoids the tokens
    that earlier groups chose at the same position, by `diversity` nats for each time (Vijayakumar et al. 2016, "Diverse
    beam search"). The best of each group are returned first, then the next ones. Shapers do not rank, unless they say
    how they lean (`leans`). A shaper that removes tokens limits what beams may choose from.
    """
    if width < 1:
        raise GenError(f"beam={width} keeps nothing; give a width from 1.")
    if width > WIDEST:
        raise GenError(f"beam={width} is more than fit beside each other; give a width up to {WIDEST}.")
    if groups < 1 or width % groups:
        raise GenError(f"groups={groups} cannot share {width} beams evenly; give a divisor of {width}.")
    if abs(length_penalty) > MOST or not 0 <= diversity <= MOST:
        raise GenError(f"length_penalty and diversity (from 0) go up to {MOST}; give smaller ones.")
    return Beam(width, length_penalty, groups, diversity)


WIDEST = 1024
"""The largest number of beams."""

MOST = 10
"""The largest length penalty and the largest diversity."""


@dataclass(frozen=True)
class Beam:
    """Beam search as a decoder; made by `beam`."""

    width: int
    length_penalty: float
    groups: int
    diversity: float

    @property
    def rows(self) -> int:
        """The most rows a generation asks for. Finished texts that are still to be scored are not counted."""
        return self.width

    @property
    def share(self) -> int:
        """The beams of one group."""
        return self.width // self.groups

    def at_once(self, num: int) -> int:
        """All texts of a request come from one search."""
        if num > self.width:
            raise GenError(
                f"num={num} is more than {self.width} beams can tell; give width={num}, or want fewer texts."
            )
        return num

    def __call__(self, generation: Generation) -> Generator[StepRequest, Scores, None]:
        return _Search(self, generation).run()


@dataclass
class _Line:
    """A beam: its text, group and log-probability, the row of the last ask that it continues, and why it is finished.

    `draw` is its draw of the last ask. `token` was chosen last, at the search's `place`. `struck` are the tokens that
    lead nowhere; the beam is `barren` until some token leads on.
    """

    text: Continuation
    group: int
    total: float = 0.0
    row: int = -1
    why: str | None = None
    draw: int = 0
    token: int = -1
    place: int = -1
    struck: list[int] = field(default_factory=list)
    barren: bool = True


@dataclass
class _Search:
    """One search.

    `done` holds the best finished texts of each group so far, by what they print. `sent` is what was streamed.
    """

    beam: Beam
    generation: Generation
    done: list[dict[bytes, tuple[float, _Line]]] = field(init=False)
    sent: bytes = b""
    exact: bool = True
    place: int = 0

    def __post_init__(self) -> None:
        self.done = [{} for _ in range(self.beam.groups)]

    def run(self) -> Generator[StepRequest, Scores, None]:
        generation = self.generation
        [start] = generation.texts()[:1]
        lines = self._settle([_Line(start.fork(), group) for group in range(self.beam.groups)])
        while lines:
            scores = yield generation.ask([(line.row, line.text, line.why) for line in lines], self._draw)
            shared, number = lines[0].row < 0, 0
            for place, line in enumerate(lines):
                line.row = 0 if shared else place
                line.draw = number
                number += line.why is None
                self._read(line, scores.forced[line.row])
            self.place += 1
            lines = self._settle(self._grow([line for line in lines if line.why is None], scores))
        for sample, line in zip(generation.samples, self._told(), strict=False):
            line.text.sample, line.text.exact = sample, self.exact
            line.text.unsent = (
                line.text.unsent[len(self.sent) :] if sample == generation.samples[0] else line.text.unsent
            )
            assert line.why is not None
            generation.finish(line.text, line.why)

    def _told(self) -> Iterator[_Line]:
        """The finished texts in the order in which they are returned: the best of each group, then the next ones.

        So text i is the best of group i. No later group and no larger number of texts can change it.
        """
        ranked = [sorted(own.items(), key=lambda item: -item[1][0]) for own in self.done]
        told: set[bytes] = set()
        for _ in range(self.beam.width):
            for own in ranked:
                while own and own[0][0] in told:
                    own.pop(0)
                if own:
                    printed, (_, line) = own.pop(0)
                    told.add(printed)
                    yield line

    def _draw(self, row: int, text: Continuation) -> Draw:
        return self.generation.draw(row, text, None)

    def _read(self, line: _Line, forced: Sequence[float]) -> None:
        """Add what forced tokens cost. A text that only waited for these scores is done."""
        text = line.text
        text.logprobs += forced
        line.total += sum(map(sound, forced))
        text.unread = text.forced = 0
        if line.why is not None:
            self.put_aside(line)

    # -------------------------------------------------------------------------------------------- after a choice

    def _settle(self, lines: list[_Line]) -> list[_Line]:
        """Write the tokens to which no beam has an alternative, put finished texts aside, drop beams that cannot win.

        Returns the beams that go on, and those that only wait for the scores of forced tokens.
        """
        unread: list[_Line] = []
        while True:
            found = [self.generation.look(line.text) for line in lines]
            for line, (why, _) in zip(lines, found, strict=True):
                line.why = why
                if why is not None and line.text.forced:
                    unread.append(line)
                elif why is not None:
                    self.put_aside(line)
            only = [token for why, token in found if why is None]
            lines = [line for line in lines if line.why is None]
            if not lines or None in only:
                break
            for line, token in zip(lines, only, strict=True):
                assert token is not None
                self.generation.force(line.text, token)
        lines = self._still_in_play([*unread, *lines])
        self._stream(lines)
        return lines

    def put_aside(self, line: _Line) -> bool:
        """Keep a finished text if it is among the best of its group, and the best there of those that print the same.

        Returns whether it prints something new.
        """
        surfaces = self.generation.plan.chain.vocabulary.surfaces
        printed = b"".join(surfaces[token] for token in self.generation.kept(line.text))
        score = self._score(line.total, len(line.text.logprobs))
        if any(printed in earlier for earlier in self.done[: line.group]):
            return False
        done = self.done[line.group]
        known = done.get(printed)
        if known is None or known[0] < score:
            done.pop(printed, None)  # of equally good texts the first stays the first
            done[printed] = score, line
        if len(done) > self.beam.share:
            del done[min(reversed(done), key=lambda key: done[key][0])]
        return known is None

    def _score(self, total: float, length: int) -> float:
        return total / power(max(1, length), float(self.beam.length_penalty))

    def _bound(self, line: _Line) -> float:
        """The highest score that a text continuing from here can reach."""
        longest = self.generation.plan.budget if self.beam.length_penalty > 0 else len(line.text.logprobs) + 1
        return self._score(line.total, longest)

    def _still_in_play(self, lines: list[_Line]) -> list[_Line]:
        """The beams that may still be among the best of their group; none if no beam can be among the texts wanted, so
        that the result does not depend on how many are wanted."""
        wanted = min(len(self.generation.samples), self.beam.share)
        found: list[_Line] = []
        settled = True
        for group, done in enumerate(self.done):
            scores = sorted((score for score, _ in done.values()), reverse=True)
            own = [line for line in lines if line.group == group]
            if len(scores) == self.beam.share:
                own = [line for line in own if self._bound(line) > scores[-1]]
            short = len(scores) < wanted
            settled &= not any(short or self._bound(line) > scores[wanted - 1] for line in own)
            found += own
        return [] if settled else found

    def _stream(self, lines: Sequence[_Line]) -> None:
        """Stream what all texts agree on that may still turn out to be the first result."""
        best = max(self.done[0].values(), key=lambda item: item[0], default=None)
        rivals = [line for line in lines if line.group == 0 and (best is None or self._bound(line) > best[0])]
        rivals += [best[1]] if best is not None else []
        self.sent = self.generation.stream_agreed([(line.text, line.why) for line in rivals], self.sent)

    # ------------------------------------------------------------------------------------------------ the choice

    def _grow(self, lines: Sequence[_Line], scores: Scores) -> list[_Line]:
        """The beams after the next token, group by group."""
        found: list[_Line] = []
        printed: set[bytes] = set()
        chosen: Counter[int] = Counter()
        for group in range(self.beam.groups):
            own = [line for line in lines if line.group == group]
            grown = _Growth(self, scores, chosen, printed).grow(own) if own else []
            ended = [line for _, line in self.done[group].values() if line.place == self.place]
            chosen.update(line.token for line in (*grown, *ended))
            found += grown
        return found


@dataclass
class _Growth:
    """One step of one group: `kept` beams go on, `spare` ones print the same as another beam, `ended` counts finished
    ones.

    `chosen` counts the tokens that earlier groups chose here. `printed` holds what the kept beams print.
    """

    search: _Search
    scores: Scores
    chosen: Counter[int]
    printed: set[bytes]
    kept: list[_Line] = field(default_factory=list)
    spare: list[_Line] = field(default_factory=list)
    ended: int = 0
    doubts: int = 0

    @property
    def size(self) -> int:
        return self.search.beam.share

    def grow(self, lines: Sequence[_Line]) -> list[_Line]:
        """The group's next beams: the best continuations with a witness behind each."""
        waiting = list(lines)
        settle(self.search.generation, self.scores, [(line.draw, line.text) for line in lines])
        while waiting and self._walk(waiting):
            # All candidates were tried. Where all were struck, the shapers are asked again for the rest.
            waiting = [line for line in waiting if line.barren and self._shape_anew(line)]
        if all(line.barren for line in lines):
            self._trust_the_witness(max(lines, key=lambda line: line.total))
        return [*self.kept, *self.spare[: self.size - len(self.kept)]]

    def _walk(self, lines: Sequence[_Line]) -> bool:
        """Try continuations, the best first, until there are enough. Returns whether all were tried."""
        strikes = 0
        for line, token, value in self._candidates(lines):
            if len(self.kept) >= self.size or self.ended >= 2 * self.size:
                return False
            if self.doubts >= DOUBTS * len(lines) or strikes >= ATTEMPTS * len(lines):
                self.search.exact = False
                return False
            strikes += not self._try(line, token, value)
        return True

    def _candidates(self, lines: Sequence[_Line]) -> Iterator[tuple[_Line, int, float]]:
        """Each continuation that the shapers left, with the log-probability of its text, the best first."""
        draws, totals = [line.draw for line in lines], [line.total for line in lines]
        less = {token: self.search.beam.diversity * count for token, count in self.chosen.items()}
        found = self.scores.candidates(draws, totals, list(map(self._leanings, lines)), less, 2 * self.size)
        return ((lines[number], token, value) for number, token, value in found)

    def _leanings(self, line: _Line) -> list[Leaning]:
        """What each leaning shaper adds to the rank of a beam, and of its next tokens."""
        plan, history = self.search.generation.plan, self.scores.draws[line.draw].history
        leaning = [named.processor for named in plan.chain.shapers if hasattr(named.processor, "leans")]
        return [shaper.leans(history, len(plan.prompt.tokens)) for shaper in leaning]

    def _try(self, line: _Line, token: int, value: float) -> bool:
        """Keep a continuation if it has a witness behind it."""
        search, generation = self.search, self.search.generation
        if token == generation.plan.chain.vocabulary.end:
            self._end(line, self._child(line, token, value), "end")
            return True
        text = line.text
        seen = generation.viable.look(text.joint, generation.left(text), token, text.rest, text.history)
        if seen.answer != "yes":
            search.exact = search.exact and seen.answer == "no"
            self.doubts += seen.answer == "undecided"
            line.struck.append(token)
            return False
        return self._keep(line, Choice(token, seen.joint, seen.rest), value)

    def _keep(self, line: _Line, choice: Choice, value: float) -> bool:
        """Write a token that has a witness behind it to a new text."""
        generation, token = self.search.generation, choice.token
        assert token is not None
        child = self._child(line, token, value)
        chosen = self.scores.choice_logprob(line.draw, token) if child.text.memory else 0.0
        generation.write(child.text, choice, chosen)
        why, _ = generation.look(child.text)
        if why is not None:
            self._end(line, child, why)
            return True
        line.barren = False
        twin = child.text.unsent in self.printed
        self.printed.add(child.text.unsent)
        (self.spare if twin else self.kept).append(child)
        return True

    def _child(self, line: _Line, token: int, value: float) -> _Line:
        text = line.text.fork()
        text.logprobs.append(self.scores.logprob(line.draw, token))
        text.undone.update(dict.fromkeys(self.scores.undone[line.draw]))
        return _Line(text, line.group, value, line.row, token=token, place=self.search.place)

    def _end(self, line: _Line, child: _Line, why: str) -> None:
        line.barren = False
        child.why = why
        # Only as many as go on: the others rank lower.
        self.ended += self.search.put_aside(child) if self.ended < self.size else 1

    def _shape_anew(self, line: _Line) -> bool:
        """Ask the shapers again without the struck tokens. If nothing is left, the text is full."""
        if self.scores.redraw(line.draw, line.struck, None) is not None:
            return True
        self._end(line, _Line(line.text.fork(), line.group, line.total, line.row), "full")
        return False

    def _trust_the_witness(self, line: _Line) -> None:
        """Go on with the next token of a rest that is known to be legal."""
        generation = self.search.generation
        self.search.exact = False
        choice = generation.viable.trusted(line.text.joint, generation.left(line.text), line.text.rest)
        if choice.token is None:
            self._end(line, _Line(line.text.fork(), line.group, line.total, line.row), "full")
            return
        value = line.total + sound(self.scores.logprob(line.draw, choice.token))
        if choice.joint is None:
            self._end(line, self._child(line, choice.token, value), "end")
        else:
            self._keep(line, choice, value)
