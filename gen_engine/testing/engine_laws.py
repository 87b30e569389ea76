"""What the engine makes of a constraint: every text obeys, and trying every text confirms every refusal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from ..engine import Engine
from ..errors import ConflictError, GenError, UndecidedError
from ..hooks.registry import registry
from ..hooks.specs import build
from ..proving.rule import as_rule
from ..text.token_sets import Intern
from ..text.vocabulary import Vocabulary
from ..types import Completion, Named, Prompt
from . import strategies as some
from .constraint_laws import AGREE, EQUAL, INPUTS, MASKS, MERGED, merged_tokens_change_nothing
from .laws import Law, Scene
from .models import LongestMatch, TableModel, tiny_vocabulary
from .promise_laws import CUTS, KINDS, MOVES, PROMISES
from .subjects import Subject, World, members, worlds

LONG = 48
"""The budget within which at least some text must be possible."""

USUAL = "春夏秋冬，。、；！？\n白日依山尽黄河入海流欲穷千里目更上一层楼abcdefxyz 0123456789年月"
"""Characters in which at least some text must be possible, besides those that the subject's author names."""

BARE = frozenset({"start", "step", "allowed", "permits", "next", "accepts", "cut", "held", "enders", "strings"})
"""The parts of a rule that are no promises."""


def every_text_obeys(subject: Subject, scene: Scene) -> None:
    """Texts of the engine are replayed on a fresh subject, token by token."""
    world = scene.draw(worlds(subject))
    chain = scene.draw(some.chains(world.vocabulary, shapers=True))
    engine = scene.draw(some.engines(world.vocabulary))
    decoder = scene.draw(st.sampled_from(["sample", "greedy"]))
    scene.now = f"{world}, together with {chain}" if chain else str(world)
    made = [Named(subject.label, subject.make(world.vocabulary)), *chain]
    try:
        written = engine.generate(
            world.text,
            processors=made,
            num=2,
            seed=scene.draw(st.integers(0, 9)),
            max_new=world.budget,
            decoder=decoder,
        )
    except GenError:
        return
    for done in written:
        complaint = replay(subject.make(world.vocabulary), world.vocabulary, world.prompt, done)
        if complaint:
            scene.fail(f"the engine wrote {done.new!r}, tokens {list(done.tokens)}, and {complaint}")


def replay(processor: Any, vocabulary: Vocabulary, prompt: Prompt, done: Completion) -> str | None:
    """What one rule alone finds wrong in a finished text; None if the text obeys."""
    rule = as_rule("", processor, vocabulary, Intern()).constraint
    state = rule.start(prompt)
    for place, token in enumerate(done.tokens):
        if token not in members(rule.allowed(state)):
            return f"token {token} at place {place + 1} is forbidden there"
        state = rule.next(state, token)
    return None if rule.accepts(state) else "the text may not end there"


def no_dead_end(subject: Subject, scene: Scene) -> None:
    """With its four functions alone: a text if one exists, a conflict if trying every text finds none."""
    world = scene.draw(worlds(subject))
    chain = scene.draw(some.chains(world.vocabulary, max_size=1))
    scene.now = f"{world}, at most {world.budget} new tokens" + (f", together with {chain[0]}" if chain else "")
    engine = Engine(TableModel(LongestMatch(world.vocabulary, 0, fallback=0)))
    made = [Bare(subject.make(world.vocabulary)), *(_named(spec, world.vocabulary) for spec in chain)]
    rules = [as_rule("", processor, world.vocabulary, Intern()).constraint for processor in made]
    try:
        states = [rule.start(world.prompt) for rule in rules]
        engine.generate(world.text, processors=made, seed=1, max_new=world.budget)
    except ConflictError:
        for tokens, _ in legal_texts(world, rules, states):
            scene.fail(f"the engine refuses it as a conflict, but the tokens {list(tokens)} are legal")
        return
    except UndecidedError:
        scene.fail("the engine could not decide whether there is a text")
    except GenError:
        return
    if next(legal_texts(world, rules, states), None) is None:
        scene.fail("the engine wrote a text, and trying every one finds none that is legal")


def _named(spec: str, vocabulary: Vocabulary) -> Any:
    return build(spec, registry(), vocabulary).processor


class Bare:
    """A rule without its promises: only what decides about texts is passed on."""

    def __init__(self, rule: Any) -> None:
        self._rule = rule

    def __getattr__(self, name: str) -> Any:
        if name not in BARE:
            raise AttributeError(name)
        return getattr(self._rule, name)


def legal_texts(world: World, rules: Sequence[Any], states: Sequence[Any]) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """Every legal text within the budget and what it prints, found by trying all."""
    usable = frozenset(world.vocabulary.usable)
    waiting: list[tuple[tuple[int, ...], list[Any], list[list[Any]]]] = [((), list(states), [])]
    while waiting:
        tokens, here, before = waiting.pop()
        cut = max((rule.cut(state) for rule, state in zip(rules, here, strict=True) if hasattr(rule, "cut")), default=0)
        data = b"".join(world.vocabulary.surfaces[token] for token in tokens[: len(tokens) - cut])
        judged = here if not cut else before[-cut]
        if _is_utf8(data) and all(rule.accepts(state) for rule, state in zip(rules, judged, strict=True)):
            yield tokens, data
        if cut or len(tokens) == world.budget:
            continue
        sets = [set(members(rule.allowed(state))) for rule, state in zip(rules, here, strict=True)]
        for token in usable.intersection(*sets):
            after = [rule.next(state, token) for rule, state in zip(rules, here, strict=True)]
            waiting.append(((*tokens, token), after, [*before, here]))


def _is_utf8(data: bytes) -> bool:
    return data.decode(errors="ignore").encode() == data


def used_is_fresh(subject: Subject, scene: Scene) -> None:
    """Earlier requests change nothing: a used engine answers a request as a fresh one does."""
    world = scene.draw(worlds(subject))
    shapers = scene.draw(st.sampled_from([(), ("top_k=2",), ("temperature=0.5", "top_p=0.8")]))
    made = [Named(subject.label, subject.make(world.vocabulary)), *shapers]
    earlier = st.tuples(st.integers(0, world.budget + 2), st.integers(0, 3))
    before = scene.draw(st.lists(earlier, min_size=1, max_size=3))
    decoder = scene.draw(st.sampled_from(["sample", "greedy", "beam=2", "smc=2"]))
    model = TableModel(LongestMatch(world.vocabulary, 0, fallback=0), salt=scene.draw(st.integers(0, 3)))
    scene.now = f"{world}, at most {world.budget} new tokens by {decoder}, with {shapers}, after {before}"
    used = Engine(model)
    for budget, seed in before:
        _written(used, world, made, budget, seed, "sample")
    as_used = _written(used, world, made, world.budget, 1, decoder)
    as_fresh = _written(Engine(model), world, made, world.budget, 1, decoder)
    if as_used != as_fresh:
        scene.fail(f"a used engine gives {as_used}, and a fresh one {as_fresh}")


def _written(engine: Engine, world: World, made: Sequence[Any], budget: int, seed: int, decoder: str) -> Any:
    """The completions, or the kind and words of the refusal."""
    try:
        return engine.generate(world.text, processors=made, seed=seed, max_new=budget, decoder=decoder)
    except GenError as refused:
        return type(refused).__name__, str(refused)


def some_text_exists(subject: Subject, scene: Scene) -> bool:
    """In some world a text is possible: a rule that admits none is useless."""
    vocabulary = tiny_vocabulary("", *dict.fromkeys(subject.alphabet[:2000] + USUAL), end=0)
    world = World(vocabulary, scene.draw(st.sampled_from(["", *subject.alphabet[:3], "春"])), LONG)
    engine = Engine(TableModel(LongestMatch(vocabulary, 0, fallback=0), salt=scene.draw(st.integers(0, 5))))
    try:
        made = Named(subject.label, subject.make(vocabulary))
        return bool(engine.generate(world.text, processors=[made], seed=1, max_new=LONG))
    except GenError:
        return False


END = "the end can be reached"
EXISTS = "some text exists"
OBEYED = "every text obeys"
USED = "used is fresh"
SOUND = (INPUTS, EQUAL, MASKS)

ENGINE = (
    Law(MERGED, "the same texts are accepted whatever tokens they are written in", merged_tokens_change_nothing,
        (AGREE, EQUAL, KINDS, MOVES), lambda subject: subject.judges_characters, share=0.4),
    Law(EXISTS, f"in some world a text of at most {LONG} tokens is possible", some_text_exists,
        (*SOUND, *(law.name for law in PROMISES)), somewhere=True, share=0.3),
    Law(END, "where a text is possible one is written, and what is refused is impossible", no_dead_end, (*SOUND, CUTS)),
    Law(USED, "a request is answered alike on a fresh engine and on a used one", used_is_fresh,
        (*SOUND, *(law.name for law in PROMISES)), share=0.5),
    Law(OBEYED, "every finished text is accepted when it is read again", every_text_obeys,
        (*SOUND, *(law.name for law in PROMISES))),
)  # fmt: skip
