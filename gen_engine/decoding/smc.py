"""Sequential Monte Carlo: texts as the model itself would write them if only those that obey all constraints counted.

Sampling under constraints draws each token from what may follow, and so favours texts whose beginnings promised more
than their ends hold. Here many texts, the particles, are written at once; each carries as its weight how much likelier
it is under the *target* than under the *proposal* it was drawn from; heavy particles are multiplied, light ones are
given up; one of the last ones, drawn by its weight, is the text.

The target. The model writes token by token, at the temperature of the chain (no other shaper counts), from its whole
vocabulary, until it writes its end, completes a stop string, has written `max_new` tokens, or stands where it is seen
at once that nothing may follow ("full": then the end is not the model's choice, and costs nothing; a model without an
end goes on until one of the others). The target is the distribution of its texts, given that all constraints hold;
the evidence is the probability that they do.

How many particles. The evidence is without bias for any number N of them; the text is drawn from the target only as N
grows, and is still a masked sample at N = 1. In a test where the target gives its two texts 4.6% and 95.4%, and masking
half each, the first is drawn in 49, 27, 6.3 and 5.1% of all cases at N = 1, 2, 8 and 32: the bias falls like 1/N.

The proposal is the chain's choice among the tokens with a witness behind them. How much of the choice distribution
those hold is not known, but estimated without bias (`live_share`), which is all that is needed.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from math import inf, log

import numpy as np

from ..errors import GenError
from ..text.token_sets import Ids
from ..types import Draw, Extend
from .rows import Text
from .sampling import Scores, sound
from .sequences import Course, uniform
from .survivors import settle
from .viable import Choice

Row = np.ndarray


MOST = 4096
"""Particles at most."""


def smc(particles: int = 32, *, resample: float = 0.5) -> Smc:
    """Sequential Monte Carlo: sample from the model's own distribution over the texts that obey all constraints, with
    `particles` at once.

    Particles are resampled where the effective size of their sample falls below `resample` times their number. Each
    text has particles of its own, and is nearer to that distribution the more they are (the bias falls like 1/N). It
    tells the log evidence, without bias: the log-probability, in nats, that the model writes a text that obeys all
    constraints. Temperature is part of the model; shapers that remove tokens make both inexact.
    Del Moral, Doucet and Jasra (2006), "Sequential Monte Carlo samplers"; Lew et al. (2023), "Sequential Monte Carlo
    steering of large language models using probabilistic programs".
    """
    if particles < 1:
        raise GenError(f"smc={particles} writes nothing; give a number of particles from 1.")
    if particles > MOST:
        raise GenError(f"smc={particles} is more than fit beside each other; give a number of particles up to {MOST}.")
    if not 0 <= resample <= 1:
        raise GenError(f"resample={resample} is no share of the particles; give a number from 0 to 1.")
    return Smc(particles, resample)


@dataclass(frozen=True)
class Smc:
    """Sequential Monte Carlo as a decoder; made by `smc`."""

    particles: int
    resample: float

    @property
    def rows(self) -> int:
        """How many rows a course asks for at most."""
        return self.particles

    def at_once(self, num: int) -> int:
        """Each text has particles of its own, so that it is the same for every larger `num`, and independent."""
        del num
        return 1

    def __call__(self, course: Course) -> Generator[Extend, Scores, None]:
        return _Population(self, course).run()


@dataclass
class _Particle:
    """A text, its log-weight, the row of the last ask it continues, why it is finished, whether it is all scored."""

    text: Text
    weight: float = 0.0
    row: int = -1
    why: str | None = None
    scored: bool = False


@dataclass
class _Population:
    """The particles of one text; `evidence` is what was divided out of their weights, `step` counts the asks."""

    smc: Smc
    course: Course
    particles: list[_Particle] = field(default_factory=list)
    evidence: float = 0.0
    step: int = 0
    exact: bool = True
    sent: bytes = b""

    def run(self) -> Generator[Extend, Scores, None]:
        course = self.course
        [text] = course.texts()
        start = _Particle(text, why=course.run_on([text])[0])
        start.scored = start.why is not None and not text.forced
        self.particles = [_copy(start, slot) for slot in range(self.smc.particles)]
        while going := [particle for particle in self.particles if not particle.scored]:
            self._stream()
            shared = going[0].row < 0
            ask = course.ask([(each.row, each.text, each.why) for each in going], self._draw)
            scores = yield self._at_temperature(ask)
            for row, particle in enumerate(going):
                particle.row = 0 if shared else row
                self._read(particle, scores)
            self._extend([particle for particle in going if particle.why is None], scores)
            self.step += 1
            self._resample()
        self._finish()

    # ------------------------------------------------------------------------------------------------- the ask

    @property
    def _temperature(self) -> float:
        product = 1.0
        for named in self.course.plan.chain.shapers:
            product *= getattr(named.processor, "temperature", 1.0)
        return product

    def _at_temperature(self, ask: Extend) -> Extend:
        return ask if self._temperature == 1 else replace(ask, temperature=self._temperature)

    def _draw(self, row: int, text: Text) -> Draw:
        return self.course.draw(row, text, self._place(text, 0, "particle"))

    def _place(self, text: Text, attempt: int, name: str) -> float:
        """A random number of this particle at this step."""
        return uniform(self.course.seed, text.sample, self.step, attempt, f"{name} {text.lane}")

    # ----------------------------------------------------------------------------------------------- the answer

    def _read(self, particle: _Particle, scores: Scores) -> None:
        """Weigh a particle by what its forced tokens cost, which the proposal writes with certainty."""
        text = particle.text
        text.logprobs += scores.forced[particle.row]
        particle.weight += sound(sum((scores.tempered or scores.forced)[particle.row]))
        text.fresh = text.forced = 0
        particle.scored = particle.why is not None

    def _extend(self, particles: Sequence[_Particle], scores: Scores) -> None:
        """Write one more token to each, or the end."""
        if not particles:
            return
        settle(self.course, scores, list(enumerate(particle.text for particle in particles)))
        tempered = scores.logits / self._temperature
        norms, choices = tempered.logsumexp(dim=-1).tolist(), scores.shaped.logsumexp(dim=-1).tolist()
        others = scores.again([self._place(particle.text, 0, "again") for particle in particles])
        for number, particle in enumerate(particles):
            choice = _Choice(self, scores, number, particle.text, others[number], choices[number])
            chosen, increment = choice.make()
            token = chosen.token
            if token is not None:
                target = float(tempered[number, token]) - norms[number]
                particle.weight += sound(target + increment)
                particle.text.logprobs.append(scores.logprob(number, token))
            particle.text.undone.update(dict.fromkeys(scores.undone[number]))
            if chosen.joint is None or token is None:
                particle.why, particle.scored = "full" if token is None else "end", True
                continue
            text = particle.text
            self.course.write(text, chosen, scores.choice_logprob(number, token) if text.memory else 0.0)
            [particle.why] = self.course.run_on([text])
            particle.scored = particle.why is not None and not text.forced

    # ------------------------------------------------------------------------------------------- the population

    def _shares(self) -> np.ndarray:
        """What each particle weighs, relative to the heaviest; all the same if none weighs anything."""
        weights = np.array([particle.weight for particle in self.particles])
        heaviest = weights.max()
        return np.exp(weights - heaviest) if heaviest > -inf else np.ones(len(weights))

    def _mean(self) -> float:
        """The log of the mean weight."""
        heaviest = max(particle.weight for particle in self.particles)
        return heaviest + log(self._shares().mean()) if heaviest > -inf else -inf

    def _resample(self) -> None:
        """Replace the particles by as many draws from them, by weight, if few of them carry most of it.

        Systematic resampling (Kitagawa 1996); whether it is done, and how, leaves the evidence without bias.
        """
        shares = self._shares()
        effective = shares.sum() ** 2 / (shares**2).sum()
        mean = self._mean()
        enough = effective >= self.smc.resample * len(shares)
        if enough or mean == -inf or all(particle.scored for particle in self.particles):
            return
        self.evidence += mean
        place = uniform(self.course.seed, self.course.samples[0], self.step, 0, "resample")
        wanted = (place + np.arange(len(shares))) / len(shares)
        parents = np.searchsorted(np.cumsum(shares / shares.sum()), wanted, side="right").clip(max=len(shares) - 1)
        self.particles = [_copy(self.particles[parent], slot) for slot, parent in enumerate(parents)]
        for particle in self.particles:
            particle.weight = 0.0

    def _stream(self) -> None:
        self.sent = self.course.stream_agreed([(each.text, each.why) for each in self.particles], self.sent)

    def _finish(self) -> None:
        """Draw one of the particles by weight; it is the text."""
        shares = self._shares().cumsum()
        place = uniform(self.course.seed, self.course.samples[0], self.step, 0, "pick") * shares[-1]
        chosen = self.particles[min(int(np.searchsorted(shares, place, side="right")), len(shares) - 1)]
        chosen.text.unsent = chosen.text.unsent[len(self.sent) :]
        chosen.text.exact = self.exact
        assert chosen.why is not None
        truncated = self.course.plan.chain.truncates
        evidence = self.evidence + self._mean()
        self.course.finish(chosen.text, chosen.why, log_evidence=evidence, truncated=truncated)


@dataclass
class _Choice:
    """The choice of one token, and how much heavier it makes a particle, the target aside."""

    population: _Population
    scores: Scores
    number: int
    text: Text
    other: int | None
    norm: float
    rates: list[float] = field(default_factory=list)

    def make(self) -> tuple[Choice, float]:
        """The first token drawn that has a witness behind it, and the log of the share of live tokens over its
        probability."""
        first = self._draw_until_live(self.scores.token(self.number), "strike")
        if first.token is None:
            return first, 0.0
        proposal = self._proposal(first)
        if not first.struck and self.other == first.token:
            return first, -proposal
        second = self.other
        if first.struck:
            place = self.population._place(self.text, len(first.struck), "again")
            second = self.scores.redraw(self.number, first.struck, place)
        if second == first.token:
            self.rates.append(self.rates[-1])
        else:
            self._draw_until_live(second, "strike again", first)
        return first, live_share(self.rates) - proposal

    def _proposal(self, first: Choice) -> float:
        """The log-probability of a token in the choice distribution; 0 where only the witness knew it."""
        row, norm = self.scores.shaped_row(self.number), self.norm
        if first.struck or self.scores.is_shaped_anew(self.number):
            norm = float(row.logsumexp(dim=-1))
        found = float(row[0, first.token]) - norm
        return found if found > -inf else 0.0

    def _draw_until_live(self, token: int | None, name: str, before: Choice | None = None) -> Choice:
        """Draw from `token` on until a token lives, and write down the share that was left before each draw; the tokens
        struck `before` stay so."""
        course, text = self.population.course, self.text
        given = () if before is None else before.struck

        def propose(struck: Ids, attempt: int) -> int | None:
            place = self.population._place(text, attempt, name)
            drawn = token if struck == given else self.scores.redraw(self.number, struck, place)
            share = self.scores.share(self.number) if struck else 1.0
            if self.rates and share > self.rates[-1]:
                self.rates.clear()  # what the shapers had left is all struck, and the rest was shaped anew
            self.rates.append(share)
            return drawn

        doubts = 0 if before is None else before.doubts
        found = course.viable.first(
            text.joint, course.left(text), propose, rest=text.rest, history=text.history, struck=given, doubts=doubts
        )
        self.population.exact &= found.exact
        return found


def live_share(rates: Sequence[float]) -> float:
    """The log of an unbiased estimate of the share of live tokens, from draws up to the second live one.

    Dead tokens are drawn without, live ones with replacement; `rates[i]` is the share that was left before draw i. As a
    race in continuous time, in which each dead token comes first at a time with its probability as rate and the live
    ones come as a Poisson process, the second live one comes at a time T with E[1/T] = the share. The estimate is the
    expectation of 1/T given the draws: the integral over s > 0 of the product of rate/(rate + s).
    """
    if min(rates) == max(rates) == 1:
        return -log(len(rates) - 1) if len(rates) > 1 else 0.0
    logs = np.log(np.maximum(rates, 1e-300))
    step = 0.25
    places = np.arange(logs.min() - 40, logs.max() + 40, step)
    # Along log s the trapezoid rule converges faster than any power of the step.
    parts = places - np.logaddexp(0.0, places[:, None] - logs[None, :]).sum(axis=1)
    highest = float(parts.max())
    return highest + log(step * float(np.exp(parts - highest).sum()))


def _copy(particle: _Particle, slot: int) -> _Particle:
    text = particle.text.branch()
    text.lane = slot + 1
    return _Particle(text, particle.weight, particle.row, particle.why, particle.scored)
