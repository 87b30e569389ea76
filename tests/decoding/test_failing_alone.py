"""Whoever fails fails alone: decoders that are none, interrupts at any moment, and steps within steps."""

from dataclasses import replace

import pytest
from arrivals import STEP, facts, serve, texts
from tiny import chars, engine_of

from gen_engine.decoding.sample import sample
from gen_engine.engine import Engine
from gen_engine.errors import GenError, PluginError
from gen_engine.testing.models import LongestMatch, TableModel
from gen_engine.types import Request


def steady(prompt="abc", seed=0, processors=(), decoder="sample", num=1, max_new=6):
    """A request that ends by its budget only."""
    return Request(prompt, ("only=abc", "length=6", *processors), num, seed, max_new, decoder)


# ------------------------------------------------------------------------------------------------------ decoders


def stubborn(generation):
    """Ask for nonsense, and refuse to end."""
    try:
        yield "nonsense"
    except GeneratorExit:
        yield "nonsense"


def untidy(generation):
    """Ask for nonsense, and fail while ending."""
    try:
        yield "nonsense"
    finally:
        raise ValueError("untidy")


def asking(**changes):
    """A decoder that asks for something else than it should."""

    def changed(generation):
        yield replace(next(sample(generation)), **changes)

    return changed


def raising(error):
    """A decoder that raises this in the midst."""

    def changed(generation):
        inner = sample(generation)
        yield inner.send((yield next(inner)))
        raise error

    return changed


class Rowless:
    """A decoder that cannot say how many rows it asks for."""

    @property
    def rows(self):
        raise ValueError("rows")

    def __call__(self, generation):
        return sample(generation)


def saying(**attributes):
    """A decoder that says this of itself."""

    def changed(generation):
        yield from sample(generation)

    vars(changed).update(attributes)
    return changed


WRONG = {
    "none": lambda generation: None,
    "plain iterator": lambda generation: iter(()),
    "takes nothing": lambda: None,
    "stubborn": stubborn,
    "untidy": untidy,
    "pinned": asking(pinned="x"),
    "keep": asking(keep=("x",)),
    "broken number": asking(keep=(0.5,)),
    "no tokens": asking(tokens=None),
    "draws": asking(draws=("x",)),
    "raises": raising(KeyError("x")),
    "exits": raising(SystemExit(3)),
    "raises all": raising(BaseException("all")),
    "ends itself": raising(GeneratorExit()),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_decoder_that_is_none_fails_alone_and_is_named(wrong):
    engine = engine_of(chars("abc"))
    others = [steady(seed=i, num=2) for i in range(2)]
    tickets, sent = serve(engine.scheduler(), [others[0], STEP, steady(decoder=wrong), STEP, others[1]])
    assert [ticket.state for ticket in tickets] == ["done", "failed", "done"]
    assert isinstance(tickets[1].error, PluginError)
    assert f"The decoder {wrong.__name__} " in str(tickets[1].error)
    assert [texts(sent[i]) for i in (0, 2)] == [facts(engine_of(chars("abc")), each) for each in others]


@pytest.mark.parametrize("wrong", [Rowless(), *(saying(rows=rows) for rows in ("many", -5, 0, 1.5, None))])
def test_a_decoder_whose_rows_are_no_number_is_named(wrong):
    scheduler = engine_of(chars("abc")).scheduler()
    with pytest.raises(PluginError, match="The decoder (changed|.*Rowless)"):
        scheduler.submit(steady(decoder=wrong))
    assert scheduler.is_idle


@pytest.mark.parametrize("found", [0, -1, "x", 1.5, None])
def test_a_decoder_whose_at_once_is_no_number_is_named(found):
    with pytest.raises(PluginError, match="The decoder changed gave .* in at_once; return a whole number from 1"):
        engine_of(chars("abc")).generate_batch([steady(decoder=saying(at_once=lambda num: found))])
    with pytest.raises(PluginError, match="The decoder changed failed .ZeroDivisionError"):
        engine_of(chars("abc")).generate_batch([steady(decoder=saying(at_once=lambda num: 1 / 0))])


# ------------------------------------------------------------------------------------------------------ requests

INF, NAN = float("inf"), float("nan")
FIELDS = {
    "prompt": [None, 5, b"a", ["a"]],
    "processors": [None, 5, "ban=a"],
    "num": [2.5, "3", None, INF, 0, -1],
    "seed": [1.5, "a", b"a", []],
    "max_new": [2.5, "5", None, INF, NAN, -1],
    "decoder": [None, 5, []],
    "patience": ["a", None, NAN, INF, 0, -1, 1j],
    "context": [None, 5, b"a"],
    "draws": [0, -1, "x", 2.5, None],
}  # fmt: skip
WRONG_FIELDS = [(name, value) for name, values in FIELDS.items() for value in values]


@pytest.mark.parametrize(("name", "value"), WRONG_FIELDS)
def test_a_wrong_field_of_a_request_is_refused_at_once(name, value):
    engine = engine_of(chars("abc"))
    fields = {"prompt": "a", "max_new": 3, name: value}
    asks = [lambda: engine.scheduler().submit(Request(**fields)), lambda: engine.pieces([Request(**fields)])]
    asks += [lambda: engine.completions(**fields)]
    for ask in asks:
        with pytest.raises(GenError, match=f"^{name}=.*; give .*[.]$"):
            ask()


@pytest.mark.parametrize("wrong", [None, 5, "a", ["a"], [None], Request("a")])
def test_what_is_no_list_of_requests_is_told(wrong):
    for ask in (engine_of(chars("abc")).generate_batch, engine_of(chars("abc")).pieces):
        with pytest.raises(GenError, match="is no (list of requests; give|request; submit)"):
            ask(wrong)


def test_requests_may_come_from_a_generator():
    assert len(engine_of(chars("abc")).generate_batch(steady(seed=i) for i in range(2))) == 2


@pytest.mark.parametrize("decoder", ["sample", "beam,width=2", "smc,particles=2"])
def test_an_empty_prompt_without_a_start_token_says_so(decoder):
    engine = Engine(TableModel(LongestMatch(chars("abc"), fallback=0)))
    with pytest.raises(GenError, match="The prompt is empty, and .* give a prompt of one character") as caught:
        engine.generate("", max_new=3, decoder=decoder)
    assert caught.value.exit_code == 2
    assert engine.generate("a", max_new=3, decoder=decoder)


# ---------------------------------------------------------------------------------------------------- interrupts


class Ticking:
    """A rule that allows everything, and does something when it is called for the `at`-th time."""

    def __init__(self, at=-1, act=None):
        self.calls, self.at, self.act = 0, at, act

    def start(self, text):
        return text

    def step(self, state, char):
        self.tick()
        return state + char

    def accepts(self, state):
        return True

    def tick(self):
        self.calls += 1
        if self.calls == self.at:
            self.act()


class Shaping(Ticking):
    """The same for a shaper."""

    def __new__(cls, at=-1, act=None):
        self = object.__new__(cls)
        cls.__init__(self, at, act)

        def shape(step, logits):
            self.tick()
            return logits

        shape.counted = self
        return shape


def interrupt():
    raise KeyboardInterrupt


def serve_interrupted(make, at, act=interrupt):
    """What became of a request with a rule that acts at its `at`-th call in a step, and of another one."""
    rule = make()
    counted = getattr(rule, "counted", rule)
    scheduler = engine_of(chars("abcd")).scheduler(rows=8)
    tickets = [scheduler.submit(Request("ab", (rule,), 3, 1, 4)), scheduler.submit(Request("c", (), 1, 2, 4))]
    counted.calls, counted.at, counted.act = 0, at, lambda: act(scheduler) if act is not interrupt else act()
    sent = {ticket: [] for ticket in tickets}
    for _ in range(99):
        try:
            for ticket, each in scheduler.step():
                sent[ticket].append(each)
        except KeyboardInterrupt:
            continue
        if scheduler.is_idle:
            break
    assert scheduler.is_idle
    assert scheduler.load.running == scheduler.load.waiting == 0
    return counted.calls, tickets, [len(texts(each)) for each in sent.values()], list(sent.values())


@pytest.mark.parametrize("make", [Ticking, Shaping])
def test_an_interrupt_leaves_no_ticket_running_and_loses_no_text(make):
    calls, _, whole, _ = serve_interrupted(make, -1)
    assert (calls > 3, whole) == (True, [3, 1])
    for at in range(1, calls + 1):
        _, tickets, found, sent = serve_interrupted(make, at)
        assert {each.state for each in tickets} <= {"done", "failed"}
        for ticket, texts_of, count, each in zip(tickets, found, whole, sent, strict=True):
            assert texts_of == count if ticket.state == "done" else each[-1] is ticket.error


def test_an_interrupt_where_a_job_begins_fails_its_ticket():
    def interrupted(generation):
        raise KeyboardInterrupt

    scheduler = engine_of(chars("abc")).scheduler()
    ticket = scheduler.submit(steady(decoder=interrupted))
    with pytest.raises(KeyboardInterrupt):
        scheduler.step()
    assert (ticket.state, scheduler.is_idle) == ("failed", False)
    assert (scheduler.step(), scheduler.is_idle) == ([(ticket, ticket.error)], True)


# ------------------------------------------------------------------------------------------------ steps in steps


@pytest.mark.parametrize("make", [Ticking, Shaping])
def test_a_step_within_a_step_is_refused_and_fails_alone(make):
    calls = serve_interrupted(make, -1)[0]
    for at in range(1, calls + 1):
        _, tickets, found, _ = serve_interrupted(make, at, lambda scheduler: scheduler.step())
        assert found[1] == 1
        if make is Ticking or tickets[0].error:  # a shaper that fails for two jobs at once is asked again for each
            assert [ticket.state for ticket in tickets] == ["failed", "done"]
            assert type(tickets[0].error) is GenError
            assert "call `step` when that one has returned" in str(tickets[0].error)


def test_a_step_within_the_reading_of_a_request_is_refused():
    scheduler = engine_of(chars("abc")).scheduler()
    other = scheduler.submit(steady())
    rule = Ticking()
    rule.start = lambda text: scheduler.step() or text
    with pytest.raises(GenError, match="call `step` when that one has returned"):
        scheduler.submit(steady(processors=[rule]))
    while not scheduler.is_idle:
        scheduler.step()
    assert other.state == "done"
