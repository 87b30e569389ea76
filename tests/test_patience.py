"""A clock may end a request, and nothing else."""

from itertools import count

import pytest
from tiny import chars, engine_of

from gen_engine import patience
from gen_engine.cli.main import main
from gen_engine.engine import TEXTS
from gen_engine.errors import ConflictError, GenError, UndecidedError
from gen_engine.inspecting.explain import explain_text
from gen_engine.patience import Patience, check, given_up_when
from gen_engine.proving.conflicts import Case
from gen_engine.proving.prover import NODES
from gen_engine.types import Request

ENGINE = engine_of(chars("abc"))
TICKS = [0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 9.0]
HARD = [
    (["no_repeat_ngram=2", "length=9"], "sample"),
    (["no_repeat_ngram=2", "length=7..9", "stop=ca"], "beam,width=3"),
    (["no_repeat_ngram=2", "length=6..8", "ban=ab"], "smc=4"),
    (["no_repeat_ngram=1", "no_repeat_ngram=2", "length=3"], "greedy"),
]


@pytest.fixture
def slow(monkeypatch):
    """Makes every look at the clock take so many seconds."""

    def of(tick):
        moments = count()
        for clock in ("thread_time", "perf_counter"):
            monkeypatch.setattr(patience, clock, lambda: tick * next(moments))

    return of


def outcome(processors, decoder="sample", *, undecided=True, seconds=8.0, num=2):
    engine = engine_of(chars("abc"))  # with nothing remembered
    try:
        done = engine.generate("", processors=processors, seed=1, num=num, max_new=9, decoder=decoder, patience=seconds)
        return [(each.text, each.exact) for each in done]
    except UndecidedError:
        if not undecided:
            raise
        return None


@pytest.mark.parametrize("processors, decoder", HARD)
def test_a_slow_machine_gives_the_same_text_or_undecided(slow, processors, decoder):
    found = []
    for tick in TICKS:
        slow(tick)
        found.append(outcome(processors, decoder))
    assert (found[0] is None, found[-1]) == (False, None)
    assert all(each in (found[0], None) for each in found)


CLASHES = [["no_repeat_ngram=1", "length=4", "ban=c"], ["length=9", "regex=a{3}", "stop=b"]]


@pytest.mark.parametrize("processors", CLASHES)
def test_a_slow_machine_may_only_tell_a_conflict_larger(slow, processors):
    found = []
    for tick in TICKS:
        slow(tick)
        with pytest.raises((ConflictError, UndecidedError)) as error:
            outcome(processors, undecided=False)
        found.append(error.value)
    assert isinstance(found[0], ConflictError)
    for each in found:
        members = set(getattr(each, "members", processors))
        assert members >= set(found[0].members)
        assert members == set(found[0].members) or "not decided" in str(each)


def test_a_conflict_whose_smallness_is_not_known_says_so(slow):
    slow(0.0)
    engine = engine_of(chars("abc"))
    chain = engine.chain(["no_repeat_ngram=1", "length=4"])
    waited = Patience(5.0, spent=9.0)
    with waited:
        found = str(Case(chain.product, engine.tokenizer.encode(""), 9, NODES, chain.background).conflict())
    assert "(whether no_repeat_ngram=1 is needed for the conflict was not decided)" in found


def test_more_patience_decides_what_less_does_not(slow):
    slow(0.3)
    assert outcome(*HARD[0], seconds=2.0) is None
    assert outcome(*HARD[0], seconds=1e6)


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_no_patience_is_refused(seconds):
    with pytest.raises(GenError, match="give a number of seconds above 0"):
        outcome(["length=3"], seconds=seconds)


def test_further_texts_have_patience_of_their_own(slow):
    slow(0.0)
    jobs = ENGINE.jobs(request_of(130, 5.0))
    made = [make(lambda _: None) for _, make in jobs]
    assert [generation.samples for generation in made] == [range(64), range(64, 128), range(128, 130)]
    assert len({id(generation.plan.patience) for generation in made}) == 3


@pytest.mark.parametrize("draws", [2, 8])
def test_alternatives_have_the_patience_of_as_many_requests(slow, draws):
    slow(0.0)
    jobs = ENGINE.jobs(request_of(64 * draws + 1, 5.0, draws=draws))
    *first, last = [make(lambda _: None).plan.patience for _, make in jobs]
    assert {patience.seconds for patience in (*first, last)} == {5.0 * draws}
    assert len(set(map(id, first))) == 1
    assert last not in first


def test_the_search_for_any_text_is_independent_of_draws(slow):
    slow(1.0)
    spent = [next(ENGINE.jobs(request_of(1, 99.0, draws=n)))[1](lambda _: None).plan.patience.spent for n in (1, 9)]
    assert spent[0] == spent[1] > 0


def request_of(num, seconds, **more):
    from gen_engine.types import Request

    return Request("", ("length=3",), num, 1, 9, patience=seconds, **more)


@pytest.mark.parametrize("tick, counted", [(0.0004, 0.0), (0.003, 0.1)])
def test_the_first_millisecond_of_each_question_is_not_counted(slow, tick, counted):
    slow(0.0)
    plan = ENGINE.chain(["length=9"]).plan(ENGINE.tokenizer.encode(""), 9)
    after = plan.product.next(plan.start, 1)
    slow(tick)
    for _ in range(20):
        assert plan.find(after, 8).answer == "yes"
    assert plan.patience.spent == pytest.approx(counted)


@pytest.mark.parametrize("more", [[], ["--num=3"], ["--json"], ["--particles=4"]])
def test_a_request_that_ends_undecided_leaves_no_file(slow, tmp_path, capsys, more):
    slow(5.0)
    rules = ["--with=no_repeat_ngram=2", "--with=length=40", "--max-new=60"]
    code = main(["text", "--model=poem", *rules, *more, f"--out={tmp_path / 'poem.txt'}"])
    assert (code, list(tmp_path.iterdir())) == (3, [])
    assert "--patience SECONDS" in capsys.readouterr().err


def test_a_search_ends_when_its_request_is_given_up(slow):
    gone = []
    with given_up_when(lambda: bool(gone)):
        patience = Patience(1e6)
    slow(1.0)
    with patience:
        check()
        gone.append(1)
        with pytest.raises(UndecidedError, match="given up"):
            check()


@pytest.mark.parametrize("draws", [1, 2])
def test_the_parts_of_a_request_are_given_up_with_it(draws):
    asked = Request("", ("length=1",), num=2 * TEXTS, seed=1, max_new=2, draws=draws)
    gone = []
    with given_up_when(lambda: bool(gone)):
        jobs = ENGINE.jobs(asked)
    gone.append(1)
    assert all(make(print).plan.patience.is_over for _, make in jobs)


def test_an_explanation_ends_when_it_is_given_up():
    gone = iter([False] * 4)
    with given_up_when(lambda: next(gone, True)), pytest.raises(UndecidedError, match="given up"):
        explain_text(ENGINE, "abcabc")
