"""What every decoder promises: legal texts, independent of how they are requested, scored by the model itself."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from math import isclose
from typing import Any

from hypothesis import strategies as st

from ..chain import Plan
from ..engine import Engine
from ..errors import GenError
from ..hooks.registry import registry
from ..hooks.specs import build_decoder
from ..types import Completion, Request
from . import strategies as some
from .engine_laws import legal_texts
from .laws import Law, Scene
from .models import TableModel
from .subjects import World

PATIENCE = 50
"""How often a decoder may ask the model per token of the budget."""


@dataclass(frozen=True)
class DecoderSubject:
    """A decoder on trial: a name, a spec ("beam,width=8") or the decoder itself."""

    given: Any
    label: str

    def patient(self, budget: int) -> Any:
        """The decoder, which is stopped if it asks the model for ever."""
        return _Patient(build_decoder(self.given, registry()), PATIENCE * (budget + 2))


def decoder_subject(given: Any) -> DecoderSubject:
    """Any given object as a decoder on trial."""
    label = given if isinstance(given, str) else getattr(given, "__name__", None) or repr(given)
    return DecoderSubject(given, label)


class _Patient:
    """A decoder with a limit on its asks, and otherwise its own behaviour."""

    def __init__(self, decoder: Any, most: int) -> None:
        self._decoder, self._most = decoder, most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def __call__(self, generation: Any) -> Generator[Any, Any, None]:
        coroutine = self._decoder(generation)
        answer = None
        for _ in range(self._most):
            try:
                ask = coroutine.send(answer)
            except StopIteration:
                return
            answer = yield ask
        raise TimeoutError(f"the model was asked {self._most} times, and there was no end")


@dataclass(frozen=True)
class Wanted:
    """A request in a tiny world. Each engine gets a new model, so that nothing is remembered."""

    subject: DecoderSubject
    model: TableModel
    request: Request

    @property
    def engine(self) -> Engine:
        return Engine(replace(self.model, asked=0, fed=0))

    @property
    def prompt(self) -> str:
        """The prompt as text."""
        return self.request.prompt if isinstance(self.request.prompt, str) else self.request.prompt.text

    @property
    def plan(self) -> Plan:
        engine = self.engine
        prompt = engine.read(self.request.prompt, self.request.context)
        return engine.chain(self.request.processors).plan(prompt, self.request.max_new)

    def done(self) -> list[Completion]:
        """The completions, requested all at once."""
        [found] = self.engine.generate_batch([self.request])
        return found

    def __str__(self) -> str:
        request = self.request
        chain = f", chain {list(request.processors)}" if request.processors else ""
        world = World(self.model.tokenizer.vocabulary, self.prompt, request.max_new)
        chain += f", context {request.context!r}" if request.context else ""
        return f"{world}, at most {request.max_new} new tokens, num={request.num}, seed={request.seed}{chain}"


def wanted(
    subject: DecoderSubject, scene: Scene, model: TableModel | None = None, num: int | None = None
) -> Wanted | None:
    """A random request that some text fulfils, reported to the scene; None if there is none."""
    if model is None:
        vocabulary = scene.draw(some.vocabularies())
        model = scene.draw(some.models(vocabulary, ("normal", "normal", "ties", "holes")))
    vocabulary = model.tokenizer.vocabulary
    budget = scene.draw(some.budgets(vocabulary))
    request = Request(
        scene.draw(some.prompts(vocabulary)),
        tuple(scene.draw(some.chains(vocabulary, shapers=True))),
        num or scene.draw(st.integers(1, 3)),
        scene.draw(st.integers(0, 99)),
        budget,
        subject.patient(budget),
        context=scene.draw(st.just("") | some.prompts(vocabulary)),
    )
    found = Wanted(subject, model, request)
    scene.now = str(found)
    try:
        found.engine.jobs(request)
    except GenError:
        return None
    return found


Check = Callable[[Scene, Wanted], None]


def on_request(check: Check) -> Callable[[DecoderSubject, Scene], None]:
    """The check of one random request."""

    def run(subject: DecoderSubject, scene: Scene) -> None:
        found = wanted(subject, scene)
        if found is not None:
            check(scene, found)

    return run


def ends_with_texts(scene: Scene, want: Wanted) -> None:
    """As many texts as wanted come, or as many as there are."""
    done = want.done()
    num = want.request.num
    if [each.sample for each in done] != list(range(len(done))):
        scene.fail(f"it wrote the samples {[each.sample for each in done]}")
    limited = want.plan.chain.shapers  # one that truncates may leave a search fewer texts than exist
    if len(done) < num and (not done or (not limited and len(done) < len(_all_texts(want)))):
        scene.fail(f"it wrote {len(done)} texts, and there are more")


def _all_texts(want: Wanted) -> set[bytes]:
    """The possible different texts. Without an end token, only those that nothing can follow."""
    plan = want.plan
    vocabulary = plan.chain.vocabulary
    world = World(vocabulary, want.prompt, want.request.max_new)
    rules = [rule.constraint for rule in plan.product.rules]
    legal = dict(legal_texts(world, rules, plan.start.states))
    begun = {tokens[:length] for tokens in legal for length in range(len(tokens))}
    return {data for tokens, data in legal.items() if vocabulary.end is not None or tokens not in begun}


def texts_obey(scene: Scene, want: Wanted) -> None:
    """Each text is read again, token by token, by the chain's rules."""
    plan = want.plan
    for done in want.done():
        state = plan.start
        for token in done.tokens:
            if token not in plan.chain.vocabulary.usable or not plan.product.permits(state, token):
                scene.fail(f"it wrote {list(done.tokens)}, of which {token} is forbidden where it stands")
            state = plan.product.next(state, token)
        if not plan.product.accepts(state):
            scene.fail(f"it wrote {list(done.tokens)}, after which the text may not end")
        if len(done.tokens) > plan.budget:
            scene.fail(f"it wrote {len(done.tokens)} tokens")
        new = plan.chain.vocabulary.text_of(done.tokens)
        if (done.new, done.text) != (new, want.prompt + new):
            scene.fail(f"it says that the tokens {list(done.tokens)} print {done.new!r}")


def logprobs_are_the_models(scene: Scene, want: Wanted) -> None:
    """Log-probabilities are those of the model's own distribution, and add up."""
    model, plan = want.engine.model, want.plan
    assert isinstance(model, TableModel)
    for done in want.done():
        ends = [plan.chain.vocabulary.end] if done.finish == "end" else []
        for place, token in enumerate([*done.tokens, *ends]):
            history = (*plan.prompt.read, *done.tokens[:place])
            own = float(model.logits(history).log_softmax(-1)[token])
            told = done.logprobs[place] if place < len(done.logprobs) else None
            if told is None or not (isclose(told, own, rel_tol=1e-4, abs_tol=1e-4) or repr(told) == repr(own)):
                scene.fail(f"of token {token} at place {place + 1} it says {told}, and the model {own}")
        if not isclose(done.logprob, sum(done.logprobs), rel_tol=1e-4, abs_tol=1e-4) and done.logprob > -1e30:
            scene.fail(f"its logprob {done.logprob} is not the sum of {list(done.logprobs)}")


def is_determined(scene: Scene, want: Wanted) -> None:
    """The same request twice gives the same texts."""
    if repr(want.done()) != repr(want.done()):
        scene.fail("the same request gives other texts a second time")


def streaming_changes_nothing(scene: Scene, want: Wanted) -> None:
    """Pieces add up to the texts that come without streaming."""
    whole = want.done()
    written = [""] * len(whole)
    told: dict[int, Completion] = {}
    for _, piece in want.engine.pieces([want.request]):
        if piece.sample >= len(written) or piece.sample in told:
            scene.fail(f"sample {piece.sample} is streamed, and it is no sample, or was finished")
        written[piece.sample] += piece.text
        told |= {piece.sample: piece.completion} if piece.completion else {}
    if written != [each.new for each in whole]:
        scene.fail(f"the pieces add up to {written}, and the texts are {[each.new for each in whole]}")
    if repr([told.get(i) for i in range(len(whole))]) != repr(whole):
        scene.fail("streamed texts are told otherwise than whole ones")


def batch_changes_nothing(subject: DecoderSubject, scene: Scene) -> None:
    """Requests give the same texts together as one by one."""
    first = wanted(subject, scene)
    if first is None:
        return
    more = [wanted(subject, scene, first.model) for _ in range(scene.draw(st.integers(1, 2)))]
    wants = [first, *(each for each in more if each is not None)]
    together = first.engine.generate_batch([each.request for each in wants])
    for number, (want, found) in enumerate(zip(wants, together, strict=True)):
        scene.now = f"{want}, as number {number + 1} of {len(wants)}"
        if repr(found) != repr(want.done()):
            scene.fail(
                f"it gives {[each.new for each in found]} in a batch, {[each.new for each in want.done()]} alone"
            )


def fewer_are_the_first(subject: DecoderSubject, scene: Scene) -> None:
    """Sample i is the same however many are wanted."""
    want = wanted(subject, scene, num=3)
    if want is None:
        return
    many = want.done()
    for num in (1, 2):
        few = replace(want, request=replace(want.request, num=num)).done()
        if repr(few) != repr(many[:num]):
            told = [each.new for each in few], [each.new for each in many]
            scene.fail(f"num={num} gives {told[0]}, num=3 gives {told[1]}")


DETERMINED = "determinism"
ENDS = "never empty, never hangs"
OBEYS = "every text obeys"
LOGPROBS = "logprobs are the model's own"
STREAM = "streamed is not streamed"
BATCH = "batch is one by one"
NUM = "fewer are the first of many"

DECODER_LAWS = (
    Law(DETERMINED, "the same request gives the same texts", on_request(is_determined), forgives=True),
    Law(ENDS, "it ends, with as many texts as wanted or as there are", on_request(ends_with_texts), (DETERMINED,)),
    Law(OBEYS, "every text is legal, within the budget, and told as it is", on_request(texts_obey), (ENDS,)),
    Law(LOGPROBS, "log-probabilities are those of the model, masks and shapers aside, and add up",
        on_request(logprobs_are_the_models), (OBEYS,)),
    Law(STREAM, "pieces add up to the text that comes without streaming", on_request(streaming_changes_nothing),
        (ENDS,)),
    Law(BATCH, "a request gives the same texts among others as alone", batch_changes_nothing, (ENDS,)),
    Law(NUM, "sample i is the same for every number of samples", fewer_are_the_first, (ENDS,)),
)  # fmt: skip
