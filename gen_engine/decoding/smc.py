"""Sequential Monte Carlo: samples from the model's own distribution, conditioned on all constraints.

Plain masking draws each token from what may follow. So it favours texts whose beginnings promise more than their ends
keep. Here many texts, called particles, are written at once. The weight of each says how much likelier it is under the
*target* than under the *proposal* that drew it. Heavy particles are multiplied, light ones dropped. One of the final
particles, drawn by weight, is the text.

The target. The model writes token by token from its whole vocabulary, at the temperature of the chain. No other shaper
counts. A text stops when the model writes its end, completes a stop string, or has written `max_new` tokens. It also
stops where a quick check shows that nothing may follow ("full"). That end is not the model's choice, and costs nothing.
A model without an end stops only in the other ways. The target is the distribution of these texts, given that all
constraints hold. The evidence is the probability that they hold.

Number of particles. The evidence is unbiased for any number N of them. The text follows the target only as N grows; at
N = 1 it is a masked sample. In one test the target gives its two texts 4.6% and 95.4%, and masking half each. The first
is drawn in 49, 27, 6.3 and 5.1% of all cases at N = 1, 2, 8 and 32: the bias falls like 1/N.

The proposal is the chain's choice among the tokens with a witness behind them. Their share of the choice distribution
is not known. It is estimated without bias (`live_share`), which is enough.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from ..compiled.arithmetic import logarithm, logarithms, powers
from ..errors import GenError
from ..text.token_sets import Ids
from ..types import Draw, StepRequest
from .generation import Generation, uniform
from .rows import Continuation
from .sampling import Scores, sound
from .survivors import settle
from .viable import Choice

Row = np.ndarray


MOST = 4096
"""The largest number of particles."""


def smc(particles: int = 32, *, resample: float = 0.5) -> Smc:
    """Sequential Monte Carlo: sample from the model's own distribution over legal texts, with `particles` at once.

    Particles are resampled when their effective sample size falls below `resample` times their number. Each text has
    its own particles. It follows that distribution more closely the more there are (the bias falls like 1/N). The
    completion reports the log evidence, without bias: the log-probability, in nats, that the model writes a legal text.
    Temperature is part of the model. Shapers that remove tokens make both inexact. Del Moral, Doucet and Jasra (2006),
    "Sequential Monte Carlo samplers"; Lew et al. (2023), "Sequential Monte Carlo steering of large language models
    using probabilistic programs".
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
        """The most rows a generation asks for."""
        return self.particles

    def at_once(self, num: int) -> int:
        """Each text has its own particles, so it is independent and the same for every larger `num`."""
        del num
        return 1

    def __call__(self, generation: Generation) -> Generator[StepRequest, Scores, None]:
        return _Population(self, generation).run()


@dataclass
class _Particle:
    """A text, its log-weight, the row of the last ask it continues, why it is finished, and whether it is fully
    scored.
    """

    text: Continuation
    weight: float = 0.0
    row: int = -1
    why: str | None = None
    scored: bool = False


@dataclass
class _Population:
    """The particles of one text. `evidence` was divided out of their weights; `step` counts the asks."""

    smc: Smc
    generation: Generation
    particles: list[_Particle] = field(default_factory=list)
    evidence: float = 0.0
    step: int = 0
    exact: bool = True
    sent: bytes = b""

    def run(self) -> Generator[StepRequest, Scores, None]:
        generation = self.generation
        [text] = generation.texts()
        start = _Particle(text, why=generation.run_on([text])[0])
        start.scored = start.why is not None and not text.forced
        self.particles = [_copy(start, slot) for slot in range(self.smc.particles)]
        while going := [particle for particle in self.particles if not particle.scored]:
            self._stream()
            shared = going[0].row < 0
            ask = generation.ask([(each.row, each.text, each.why) for each in going], self._draw)
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
        for named in self.generation.plan.chain.shapers:
            product *= getattr(named.processor, "temperature", 1.0)
        return product

    def _at_temperature(self, ask: StepRequest) -> StepRequest:
        return ask if self._temperature == 1 else replace(ask, temperature=self._temperature)

    def _draw(self, row: int, text: Continuation) -> Draw:
        return self.generation.draw(row, text, self._uniform(text, 0, "particle"))

    def _uniform(self, text: Continuation, attempt: int, name: str) -> float:
        """A random number of this particle at this step."""
        return uniform(self.generation.seed, text.sample, self.step, attempt, f"{name} {text.branch}")

    # ----------------------------------------------------------------------------------------------- the answer

    def _read(self, particle: _Particle, scores: Scores) -> None:
        """Weigh a particle by what its forced tokens cost; the proposal writes them with certainty."""
        text = particle.text
        text.logprobs += scores.forced[particle.row]
        particle.weight += sound(sum((scores.tempered or scores.forced)[particle.row]))
        text.unread = text.forced = 0
        particle.scored = particle.why is not None

    def _extend(self, particles: Sequence[_Particle], scores: Scores) -> None:
        """Write one more token, or the end, to each particle."""
        if not particles:
            return
        settle(self.generation, scores, list(enumerate(particle.text for particle in particles)))
        others = scores.again([self._uniform(particle.text, 0, "again") for particle in particles])
        for number, particle in enumerate(particles):
            choice = _Choice(self, scores, number, particle.text, others[number])
            chosen, increment = choice.make()
            token = chosen.token
            if token is not None:
                particle.weight += sound(scores.logprob(number, token, self._temperature) + increment)
                particle.text.logprobs.append(scores.logprob(number, token))
            particle.text.undone.update(dict.fromkeys(scores.undone[number]))
            if chosen.joint is None or token is None:
                particle.why, particle.scored = "full" if token is None else "end", True
                continue
            text = particle.text
            self.generation.write(text, chosen, scores.choice_logprob(number, token) if text.memory else 0.0)
            [particle.why] = self.generation.run_on([text])
            particle.scored = particle.why is not None and not text.forced

    # ------------------------------------------------------------------------------------------- the population

    def _shares(self) -> np.ndarray:
        """The weight of each particle relative to the heaviest; equal weights if all are zero."""
        weights = np.array([particle.weight for particle in self.particles])
        heaviest = weights.max()
        return powers(weights - heaviest) if heaviest > -inf else np.ones(len(weights))

    def _mean(self) -> float:
        """The log of the mean weight."""
        heaviest = max(particle.weight for particle in self.particles)
        return heaviest + logarithm(float(self._shares().mean())) if heaviest > -inf else -inf

    def _resample(self) -> None:
        """Resample the particles by weight, if few of them carry most of it.

        Systematic resampling (Kitagawa 1996). Whether and how it is done leaves the evidence unbiased.
        """
        shares = self._shares()
        effective = shares.sum() ** 2 / (shares**2).sum()
        mean = self._mean()
        enough = effective >= self.smc.resample * len(shares)
        if enough or mean == -inf or all(particle.scored for particle in self.particles):
            return
        self.evidence += mean
        u = uniform(self.generation.seed, self.generation.samples[0], self.step, 0, "resample")
        wanted = (u + np.arange(len(shares))) / len(shares)
        parents = np.searchsorted(np.cumsum(shares / shares.sum()), wanted, side="right").clip(max=len(shares) - 1)
        self.particles = [_copy(self.particles[parent], slot) for slot, parent in enumerate(parents)]
        for particle in self.particles:
            particle.weight = 0.0

    def _stream(self) -> None:
        self.sent = self.generation.stream_agreed([(each.text, each.why) for each in self.particles], self.sent)

    def _finish(self) -> None:
        """Draw one of the particles by weight: it is the text."""
        shares = self._shares().cumsum()
        u = uniform(self.generation.seed, self.generation.samples[0], self.step, 0, "pick") * shares[-1]
        chosen = self.particles[min(int(np.searchsorted(shares, u, side="right")), len(shares) - 1)]
        chosen.text.unsent = chosen.text.unsent[len(self.sent) :]
        chosen.text.exact = self.exact
        assert chosen.why is not None
        truncated = self.generation.plan.chain.truncates
        evidence = self.evidence + self._mean()
        self.generation.finish(chosen.text, chosen.why, log_evidence=evidence, truncated=truncated)


@dataclass
class _Choice:
    """The choice of one token, and the factor by which it changes a particle's weight, without the target."""

    population: _Population
    scores: Scores
    number: int
    text: Continuation
    other: int | None
    rates: list[float] = field(default_factory=list)

    def make(self) -> tuple[Choice, float]:
        """The first drawn token that has a witness behind it, and the log of (share of live tokens / its
        probability).
        """
        first = self._draw_until_live(self.scores.token(self.number), "strike")
        if first.token is None:
            return first, 0.0
        proposal = self._proposal(first)
        if not first.struck and self.other == first.token:
            return first, -proposal
        second = self.other
        if first.struck:
            u = self.population._uniform(self.text, len(first.struck), "again")
            second = self.scores.redraw(self.number, first.struck, u)
        if second == first.token:
            self.rates.append(self.rates[-1])
        else:
            self._draw_until_live(second, "strike again", first)
        return first, live_share(self.rates) - proposal

    def _proposal(self, first: Choice) -> float:
        """The log-probability of a token in the choice distribution; 0 if only the witness knew it."""
        assert first.token is not None
        found = self.scores.shaped_logprob(self.number, first.token)
        return found if found > -inf else 0.0

    def _draw_until_live(self, token: int | None, name: str, before: Choice | None = None) -> Choice:
        """Draw, starting with `token`, until a token is live. Record the share that was left before each draw.

        Tokens struck `before` stay struck.
        """
        generation, text = self.population.generation, self.text
        given = () if before is None else before.struck

        def propose(struck: Ids, attempt: int) -> int | None:
            u = self.population._uniform(text, attempt, name)
            drawn = token if struck == given else self.scores.redraw(self.number, struck, u)
            share = self.scores.share(self.number) if struck else 1.0
            if self.rates and share > self.rates[-1]:
                self.rates.clear()  # all that the shapers left is struck, and the rest was shaped again
            self.rates.append(share)
            return drawn

        doubts = 0 if before is None else before.doubts
        found = generation.viable.first(
            text.joint,
            generation.left(text),
            propose,
            rest=text.rest,
            history=text.history,
            struck=given,
            doubts=doubts,
        )
        self.population.exact &= found.exact
        return found


def live_share(rates: Sequence[float]) -> float:
    """The log of an unbiased estimate of the share of live tokens, from the draws up to the second live one.

    Dead tokens are drawn without replacement, live ones with it. `rates[i]` is the share left before draw i. Consider a
    race in continuous time. Each dead token arrives first at a time whose rate is its probability, and live ones arrive
    as a Poisson process. The second live one arrives at a time T with E[1/T] = the share. The estimate is the
    expectation of 1/T given the draws. That is the integral over s > 0 of the product of rate/(rate + s).
    """
    if min(rates) == max(rates) == 1:
        return -logarithm(len(rates) - 1) if len(rates) > 1 else 0.0
    logs = logarithms(np.maximum(rates, 1e-300))
    step = 0.25
    places = np.arange(logs.min() - 40, logs.max() + 40, step)
    # Along log s the trapezoid rule converges faster than any power of the step.
    away = places[:, None] - logs[None, :]
    parts = places - (np.maximum(away, 0.0) + logarithms(1.0 + powers(-np.abs(away)))).sum(axis=1)
    highest = float(parts.max())
    return highest + logarithm(step * float(powers(parts - highest).sum()))


def _copy(particle: _Particle, slot: int) -> _Particle:
    text = particle.text.fork()
    text.branch = slot + 1
    return _Particle(text, particle.weight, particle.row, particle.why, particle.scored)
