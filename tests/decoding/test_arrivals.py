"""A scheduler: requests come and go at any step, and each gets what it gets alone."""

import threading
from dataclasses import replace

import arrivals
import pytest
import strategies as some
from arrivals import STEP, Watched, facts, serve, texts
from hypothesis import given
from hypothesis import strategies as st
from tiny import chars, engine_of

from gen_engine.decoding.packing import context_first
from gen_engine.decoding.sample import sample
from gen_engine.decoding.scheduler import Load, Scheduler
from gen_engine.engine import Engine
from gen_engine.errors import BusyError, ConflictError, GenError, PluginError
from gen_engine.types import Request, StepRequest

ROWS, TOKENS = 6, 90


@st.composite
def comings_and_goings(draw, requests):
    """Requests, and actions that submit them in order, cancel some, and step in between."""
    wanted = draw(st.lists(requests, min_size=1, max_size=6))
    wanted = [replace(each, decoder=draw(st.sampled_from(arrivals.DECODERS))) for each in wanted]
    actions = []
    for each in wanted:
        actions += [each, *draw(st.lists(st.sampled_from([STEP, STEP, STEP, 0, 1, 2, 3]), max_size=4))]
    return wanted, actions


@st.composite
def tiny_traffic(draw):
    """Traffic at an exact model, and how to make an engine around it that has seen nothing yet."""
    vocab, shape = draw(some.vocabularies()), draw(st.sampled_from(["normal", "ties", "holes"]))
    wanted, actions = draw(comings_and_goings(some.requests(vocab)))
    return wanted, actions, lambda: engine_of(vocab, shape)


def watched(engine, **bounds):
    """The engine's model, watched, and a scheduler over it."""
    model = Watched(engine.model)
    return model, Engine(model).scheduler(**bounds)


def agrees(ticket, sent, alone):
    """Whether a ticket sent what its request gives alone, or some of it if it was cancelled."""
    found = texts(sent)
    pieces = {number: "".join(each.text for each in sent if each.sample == number) for number in range(len(alone))}
    whole = all(pieces[each.completion.sample] == each.completion.new for each in sent if each.completion)
    return whole and (set(found) <= set(alone) if ticket.state == "cancelled" else found == alone)


@given(tiny_traffic())
@some.examples(25)
def test_each_request_gives_as_alone_whatever_comes_and_goes(traffic):
    wanted, actions, fresh = traffic
    tickets, sent = serve(fresh().scheduler(rows=ROWS, tokens=TOKENS), actions)
    alone = [facts(fresh(), request) for request in wanted]
    assert all(map(agrees, tickets, sent, alone))
    assert {ticket.state for ticket in tickets} <= {"done", "cancelled"}


@given(tiny_traffic(), st.integers(ROWS, 2 * ROWS), st.integers(TOKENS, 2 * TOKENS))
@some.examples(25)
def test_no_pass_has_more_rows_or_tokens_than_the_bounds(traffic, rows, tokens):
    _, actions, fresh = traffic
    model, scheduler = watched(fresh(), rows=rows, tokens=tokens)
    serve(scheduler, actions)
    assert all(len(held) <= rows and sum(held) <= tokens for held in model.held)
    assert scheduler.load == Load(0, 0, 0, 0)


def test_what_would_take_more_tokens_than_fit_waits():
    model, scheduler = watched(engine_of(chars("abc")), tokens=3 * 13 - 1)
    serve(scheduler, [steady(seed=i) for i in range(5)])
    assert max(map(len, model.held)) == 2


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return arrivals.gpt2_models(tmp_path_factory.mktemp("gpt2"))


LETTERS = st.builds(
    Request,
    st.sampled_from(["a", "ab", "abcdefghij", "abcdefghijklm", "ponmlkjihgfedcbaabcdefgh"]),
    st.sampled_from([(), ("top_k=3",), ("no_repeat=5",), ("length=4",), ("regex=( a b| c d) e f g( [a-p])*",)]),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(5, 12),
    context=st.sampled_from(["", "", "cab"]),
)


@pytest.mark.parametrize("which", [0, 1], ids=["gpt2", "transformers"])
@given(data=st.data())
@some.examples(6)
def test_rows_continued_from_others_keep_their_bits_though_windows_slide(models, which, data):
    wanted, actions = data.draw(comings_and_goings(LETTERS))
    tickets, sent = serve(Engine(models[which]).scheduler(rows=ROWS), actions)
    assert all(map(agrees, tickets, sent, [facts(Engine(models[which]), request) for request in wanted]))


# ------------------------------------------------------------------------------------------------------- sharing


def steady(prompt="abcabc", seed=0, processors=(), decoder="sample", num=1, max_new=6):
    """A request that ends by its budget only."""
    return Request(prompt, ("only=abc", "length=6", *processors), num, seed, max_new, decoder)


def test_prompts_with_one_beginning_read_it_once_a_step():
    model, scheduler = watched(engine_of(chars("abc")))
    kinds = [steady(), steady(seed=1, processors=["top_k=2"]), steady(decoder="beam,width=3"), steady(decoder="greedy")]
    serve(scheduler, [*kinds, steady("abcab")])
    assert model.read[0] == [7, 6]
    assert model.held[1] == [8] * 6 + [7]


def test_a_later_request_goes_on_from_the_row_of_another():
    model, scheduler = watched(engine_of(chars("abc")))
    late = steady(seed=5, processors=["top_k=2"], num=2)
    _, sent = serve(scheduler, [steady(), STEP, STEP, late])
    assert model.read[:3] == [[7], [1], [1, 1, 1]]
    assert texts(sent[1]) == facts(engine_of(chars("abc")), late)


def test_what_is_gone_or_cannot_be_rewound_is_read_again():
    model, scheduler = watched(engine_of(chars("abc")))
    serve(scheduler, [steady(), *[STEP] * 7, steady()])
    assert [max(read) for read in model.read].count(7) == 2
    model.rewinds = False
    serve(scheduler, [steady(), STEP, STEP, steady()])
    assert [max(read) for read in model.read].count(7) == 4


def test_what_is_gone_is_read_again_though_others_run_on():
    model, scheduler = watched(engine_of(chars("abc")))
    serve(scheduler, [steady(), *[STEP] * 3, steady("cab"), *[STEP] * 4, steady(seed=3)])
    assert [count for read in model.read for count in read if count > 1] == [7, 4, 7]


def restless(generation):
    """A decoder that reads its prompt, and then something else in a new row."""
    text = generation.texts()[0]
    generation.look(text)
    for tokens in (generation.plan.prompt.read, (2,) * 7, (1,)):
        first = len(tokens) > 1
        yield StepRequest((-1 if first else 0,), (0 if first else 7,), (tokens,), ((),), ())
    generation.finish(text, "end")


def test_a_row_that_was_written_anew_is_nobodys_beginning():
    model, scheduler = watched(engine_of(chars("abc")))
    _, sent = serve(scheduler, [steady(decoder=restless), STEP, STEP, steady(seed=3)])
    assert texts(sent[1]) == facts(engine_of(chars("abc")), steady(seed=3))
    assert sorted(model.read[2]) == [1, 7]


# ------------------------------------------------------------------------------------------- leaving, and waiting


def test_the_next_pass_has_no_rows_of_cancelled_requests():
    model, scheduler = watched(engine_of(chars("abc")), rows=9)
    first, second, waiting = (scheduler.submit(steady(seed=i, decoder="smc,particles=4")) for i in range(3))
    assert (scheduler.step(), scheduler.step()) == ([], [])
    assert (len(model.read[-1]), scheduler.load) == (8, Load(1, 2, 8, 8 * 13))
    scheduler.cancel(first)
    scheduler.cancel(waiting)
    assert scheduler.load == Load(0, 1, 4, 4 * 13)
    scheduler.step()
    assert (len(model.read[-1]), first.state, second.state) == (4, "cancelled", "running")


def test_nothing_is_kept_of_the_cache_once_nothing_runs():
    model, scheduler = watched(engine_of(chars("abc")))
    ticket = scheduler.submit(steady())
    assert scheduler.step() is not None
    scheduler.cancel(ticket)
    assert (scheduler.step(), scheduler.is_idle, scheduler._cache, len(model.read)) == ([], True, None, 1)


@pytest.mark.parametrize("at", range(4))
def test_a_reader_may_cancel_anything_in_mid_step(at):
    engine, owners = engine_of(chars("abc")), set()
    scheduler = Scheduler(engine.model)

    def job(number):
        [(decoder, make)] = engine.jobs(steady(seed=number))
        return decoder, lambda send: make(lambda piece: (send(piece), number == 1 and scheduler.cancel(tickets[at])))

    tickets = [scheduler.submit([job(number)]) for number in range(4)]
    while not scheduler.is_idle:
        owners |= {ticket for ticket, _ in scheduler.step()}
    assert [(each.state, each in owners) for each in tickets].index(("cancelled", False)) == at


def noting(begun, rows=1):
    """A sampler that says it takes so many rows, and notes the seeds of what it begins."""

    def decode(generation):
        begun.append(generation.seed)
        yield from sample(generation)

    decode.rows = rows
    return decode


def test_a_large_request_waits_for_room_and_nothing_overtakes_it():
    begun = []
    small = [Request("a", ("only=abc",), 1, seed, 3 + seed % 6, noting(begun)) for seed in range(40)]
    wanted = [*small[:9], steady(seed=99, decoder=noting(begun, 6)), *small[9:]]
    tickets, _ = serve(engine_of(chars("abc")).scheduler(rows=6), [each for one in wanted for each in (one, STEP)])
    assert begun == [*range(9), 99, *range(9, 40)]
    assert {ticket.state for ticket in tickets} == {"done"}


def test_requests_of_many_texts_take_turns_with_others():
    scheduler = engine_of(chars("abc")).scheduler(rows=4, in_pieces=False)
    many, few = scheduler.submit(steady(num=50)), scheduler.submit(steady())
    owners = []
    while not scheduler.is_idle:
        owners += [ticket for ticket, _ in scheduler.step()]
    assert few in owners[:4]
    assert owners.count(many) == 50


def test_a_full_queue_says_so_and_refuses_what_never_fits():
    scheduler = engine_of(chars("abc")).scheduler(rows=4, tokens=50, queue=2)
    for wrong, words in (("beam,width=5", "take 5 rows, and 4 fit"), ("beam,width=4", "take 52 tokens, and 50 fit")):
        with pytest.raises(GenError, match=words):
            scheduler.submit(steady(decoder=wrong))
    first, _ = (scheduler.submit(steady()) for _ in range(2))
    with pytest.raises(BusyError, match="2 requests wait already"):
        scheduler.submit(steady())
    scheduler.cancel(first)
    assert scheduler.submit(steady()).state == "waiting"


def test_a_request_is_checked_when_it_is_submitted():
    scheduler = engine_of(chars("abc")).scheduler()
    with pytest.raises(ConflictError):
        scheduler.submit(Request("a", ("only=a", "no_repeat=1", "length=3")))
    with pytest.raises(GenError, match="rows=0 leaves room for nothing"):
        engine_of(chars("abc")).scheduler(rows=0)
    assert scheduler.is_idle


def test_what_is_no_request_ticket_or_number_is_told():
    engine = engine_of(chars("abc"))
    for wrong in ("a", None):
        with pytest.raises(GenError, match="is no request; submit a gen_engine.Request"):
            engine.scheduler().submit(wrong)
        with pytest.raises(GenError, match="is no ticket; give what `submit` returned"):
            engine.scheduler().cancel(wrong)
    for wrong in ("x", 1.5):
        with pytest.raises(GenError, match="is no whole number; give one from 1"):
            engine.scheduler(rows=wrong)


def test_a_ticket_cancelled_by_another_scheduler_holds_up_nobody():
    engine = engine_of(chars("abc"))
    own, other = engine.scheduler(), engine.scheduler()
    lost, kept = own.submit(steady()), own.submit(steady())
    other.cancel(lost)
    while not own.is_idle:
        own.step()
    assert (lost.state, kept.state) == ("cancelled", "done")


# -------------------------------------------------------------------------------------------------------- errors


def broken_at(step, ask=None):
    """A decoder that fails after so many asks, or asks for something else then."""

    def decode(generation):
        scores = None
        inner = sample(generation)
        for _ in range(step):
            scores = yield inner.send(scores)
        if ask is None:
            raise LookupError("lost")
        yield ask(inner.send(scores))

    return decode


def shy(step, logits):
    """A shaper that fails in texts that begin with c."""
    if any(history[1] == 3 for history in step.histories):
        raise LookupError("no c")
    return logits


WRONG = [
    lambda ask: replace(ask, parents=(7,)),
    lambda ask: replace(ask, parents=(-2,)),
    lambda ask: replace(ask, keep=(99,)),
    lambda ask: replace(ask, keep=(-1,)),
    lambda ask: replace(ask, keep=(1, 1)),
    lambda ask: replace(ask, tokens=((),)),
    lambda ask: replace(ask, tokens=((44,),)),
    lambda ask: replace(ask, tokens=((-4,),)),
    lambda ask: StepRequest((), (), (), (), ()),
    lambda ask: replace(ask, forced=((1, 1, 1, 1, 1, 1, 1, 1, 1),)),
    lambda ask: replace(ask, draws=tuple(replace(draw, row=1) for draw in ask.draws)),
    lambda ask: replace(ask, draws=tuple(replace(draw, back=1) for draw in ask.draws)),
    lambda ask: replace(ask, draws=tuple(replace(draw, back=-1) for draw in ask.draws)),
]
FAULTS = [broken_at(0), broken_at(2), *(broken_at(step, wrong) for step in (0, 2) for wrong in WRONG)]


@pytest.mark.parametrize("fault", FAULTS)
def test_who_fails_fails_alone(fault):
    engine = engine_of(chars("abc"))
    others = [steady(seed=i, processors=["no_repeat_ngram=4"], num=2) for i in range(3)]
    tickets, sent = serve(engine.scheduler(), [others[0], STEP, steady(decoder=fault), others[1], STEP, others[2]])
    assert [ticket.state for ticket in tickets] == ["done", "failed", "done", "done"]
    assert isinstance(tickets[1].error, (LookupError, GenError))
    assert sent[1][-1] is tickets[1].error
    assert [texts(sent[i]) for i in (0, 2, 3)] == [facts(engine_of(chars("abc")), each) for each in others]


def test_a_shaper_that_fails_one_text_fails_no_other():
    wanted = [steady(prompt, seed=i, processors=[shy]) for i, prompt in enumerate(["abc", "cab", "bca", "cba"])]
    tickets, sent = serve(engine_of(chars("abc")).scheduler(), wanted)
    assert [ticket.state for ticket in tickets] == ["done", "failed", "done", "failed"]
    assert isinstance(tickets[1].error, PluginError)
    assert [texts(sent[i]) for i in (0, 2)] == [facts(engine_of(chars("abc")), wanted[i]) for i in (0, 2)]


def test_what_the_model_raises_ends_running_requests_not_waiting_ones():
    engine = engine_of(chars("abc"))
    model, scheduler = watched(engine, rows=2)
    model.fails_at = 3
    tickets, sent = serve(scheduler, [steady(seed=i) for i in range(4)])
    assert [ticket.state for ticket in tickets] == ["failed", "failed", "done", "done"]
    assert [str(ticket.error) for ticket in tickets[:2]] == ["out of memory"] * 2
    assert texts(sent[3]) == facts(engine, steady(seed=3))


def test_a_list_that_fails_raises_and_others_go_on():
    engine = engine_of(chars("abc"))
    scheduler = engine.scheduler()
    other = scheduler.submit(steady())
    jobs = [job for each in (steady(), steady(decoder=broken_at(2))) for job in engine.jobs(each)]
    with pytest.raises(PluginError, match="The decoder decode failed .LookupError: lost;"):
        list(scheduler.run(jobs))
    assert [piece.text for ticket, piece in scheduler.step() if ticket is other]
    assert scheduler.load.running == 1


def test_an_interrupt_ends_what_runs_and_is_raised():
    def interrupted(generation):
        yield from ()
        raise KeyboardInterrupt

    scheduler = engine_of(chars("abc")).scheduler()
    tickets = [scheduler.submit(steady())]
    scheduler.step()
    tickets += [scheduler.submit(steady(decoder=interrupted)), scheduler.submit(steady())]
    with pytest.raises(KeyboardInterrupt):
        scheduler.step()
    assert (tickets[0].state, scheduler.load.running) == ("failed", 0)


# ------------------------------------------------------------------------------------------------------- threads


def client(scheduler, first, tickets):
    """Submit twenty requests, and cancel every fifth."""
    for seed in range(first, first + 20):
        ticket = scheduler.submit(steady("abc"[: 1 + seed % 3], seed=seed))
        if seed % 5:
            tickets[seed] = ticket
        else:
            scheduler.cancel(ticket)


def test_requests_may_be_submitted_and_cancelled_by_other_threads():
    engine, tickets, sent = engine_of(chars("abc")), {}, {}
    scheduler = engine.scheduler(rows=ROWS)
    threads = [threading.Thread(target=client, args=(scheduler, 100 * i, tickets)) for i in range(4)]
    collect(scheduler, threads, sent)
    alone = {seed: facts(engine, steady("abc"[: 1 + seed % 3], seed=seed)) for seed in tickets}
    assert {seed: texts(sent[ticket]) for seed, ticket in tickets.items()} == alone


def collect(scheduler, threads, sent):
    """Step while these threads run, and to the end."""
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or not scheduler.is_idle:
        for ticket, each in scheduler.step():
            sent.setdefault(ticket, []).append(each)


# -------------------------------------------------------------------------------------------------------- trials


def test_thirty_poems_arriving_at_random_are_as_if_alone():
    found = arrivals.trial(30)
    assert (found["differ"], found["most rows"] <= 64) == (0, True)


@pytest.mark.slow
def test_a_thousand_requests_arriving_at_random_are_as_if_alone():
    found = arrivals.trial(1000)
    assert (found["differ"], found["most rows"] <= 64) == (0, True)
    assert 50 <= found["cancelled"] <= 150


@pytest.mark.slow
def test_three_hundred_requests_are_the_same_in_ten_arrival_orders():
    assert arrivals.arranged(300, 10)["differ"] == 0


# ------------------------------------------------------------------------------------------------------ contexts


def asked(prompt, context="cabcabca", **wish):
    return replace(steady(prompt, **wish), context=context)


def fed(requests, is_at_once=True, **bounds):
    """How many tokens each pass read in its longest row, after these requests came at once or one each step."""
    model, scheduler = watched(engine_of(chars("abc")), **bounds)
    actions = requests if is_at_once else [each for request in requests for each in (request, STEP)]
    _, sent = serve(scheduler, actions)
    alone = [facts(engine_of(chars("abc")), request) for request in requests]
    assert [texts(each) for each in sent] == alone
    return model.read


@pytest.mark.parametrize("is_at_once", [True, False])
def test_one_context_before_several_prompts_is_read_once(is_at_once):
    decoders = ["sample", "greedy", "beam,width=2", "smc,particles=2"]
    read = fed([asked("ab" + "c" * number, decoder=each) for number, each in enumerate(decoders)], is_at_once)
    assert sum(row == 8 for rows in read for row in rows) == 1  # the token that begins each text, and 7 of the context
    assert max(row for rows in read[1:] for row in rows) <= 6


def test_the_same_context_and_prompt_are_read_once_altogether():
    read = fed([asked("abab", seed=seed) for seed in range(3)])
    assert read[:2] == [[8], [5]]


def test_another_context_is_read_by_itself():
    assert fed([asked("ab"), asked("ab", context="bbbbbbbb")])[:2] == [[8, 8], [3, 3]]
    assert fed([asked("ab"), asked("ab", context="cabcabcb")])[:2] == [[8], [3, 3]]  # but for its last token


def test_only_a_row_that_begins_with_the_context_is_split():
    ask = StepRequest((-1,), (0,), ((1, 2, 3),), ((),), ())
    assert context_first(ask, 3) is not None
    assert [each.tokens for each in context_first(ask, 2)] == [((1,),), ((2, 3),)]
    assert context_first(ask, 1) is context_first(ask, 0) is context_first(ask, 4) is None
