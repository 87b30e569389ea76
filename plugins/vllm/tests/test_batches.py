"""However vLLM adds, removes, moves and resumes requests, each row has the mask of its chain alone."""

import pytest
import strategies as some
import torch
from hypothesis import given
from hypothesis import strategies as st
from stand_ins import END, SIZE, Batch, Params, Request, asking, config_of, context_of, slots_of, tokenizer_folder
from transformers import AutoTokenizer

from gen_engine.interop import ChainProcessor
from gen_vllm.asking import asked_of
from gen_vllm.processor import GenLogitsProcessor
from gen_vllm.serving import served_by

WISHES = [
    asking("no_special", "only=a|b|c", "length=4"),
    asking("no_special", "no_repeat=2", "length=3..6", prompt="a"),
    asking("no_special", "ban=b", "length=2..5", max_tokens=5),
    asking("no_special", "regex='(ab|ca)*c'", max_tokens=4),
    asking("no_special", "no_repeat_ngram=2", "only=a|b|c", "length=3..4", prompt="ab"),
    Params(),
]


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return config_of(tokenizer_folder(tmp_path_factory.mktemp("model")))


def left_by_chain(config, request):
    """The tokens that the chain alone leaves, asked anew for the whole text."""
    if request.params.extra_args is None:
        return set(range(SIZE))
    plan = served_by(config).plan(asked_of(request.params)).plan
    ids = torch.tensor([[*plan.prompt.read, *request.output]])
    return left(ChainProcessor(plan, plan.chain, 0)(ids, torch.zeros(1, SIZE))[0])


def left(logits):
    return set((logits > -torch.inf).nonzero().flatten().tolist())


def draw_all(logits, requests, dice):
    """Each request goes on with a random token of those that are left."""
    for row, request in zip(logits, requests, strict=True):
        request.output.append(dice.choice(sorted(left(row))))


def new_requests(dice, most):
    chosen = [dice.choice(WISHES) for _ in range(dice.randrange(most + 1))]
    return [Request(params, [3] * dice.randrange(1, 4)) for params in chosen]


def check_text(config, request):
    """A finished text obeys: the chain alone permits each token, and its end."""
    for count in range(len(request.output)):
        before = Request(request.params, request.prompt, request.output[:count])
        assert request.output[count] in left_by_chain(config, before)


@given(st.randoms())
@some.examples(10)
def test_rows_of_v1_keep_their_rules_wherever_they_move(config, dice):
    processor, batch, waiting = GenLogitsProcessor(config, torch.device("cpu"), False), Batch(), []
    for _ in range(8):
        leaving = [i for i, row in enumerate(batch.rows) if row.is_done or dice.random() < 0.15]
        waiting += [batch.rows[i] for i in leaving if not batch.rows[i].is_done]  # preempted, and resumed later
        joining = [waiting.pop() for _ in range(len(waiting)) if dice.random() < 0.5] + new_requests(dice, 2)
        processor.update_state(batch.change(leaving, joining, dice.choice([None, dice.randrange(64)])))
        logits = processor.apply(torch.zeros(len(batch.rows), SIZE))
        assert [left(row) for row in logits] == [left_by_chain(config, row) for row in batch.rows]
        draw_all(logits, batch.rows, dice)


def step_of_v2(config, processor, slots, dice):
    """One step over some of the slots, in any order."""
    going = dice.sample(sorted(slots), len(slots))
    processor.states.__dict__.update(slots_of(slots).__dict__)
    processor.apply_staged_writes()
    logits = processor.apply(torch.zeros(len(going), SIZE), context_of(slots, going))
    assert [left(row) for row in logits] == [left_by_chain(config, slots[slot]) for slot in going]
    draw_all(logits, [slots[slot] for slot in going], dice)


@given(st.randoms())
@some.examples(10)
def test_slots_of_v2_keep_their_rules_in_any_order(config, dice):
    processor, slots, waiting = GenLogitsProcessor(config, slots_of({})), {}, []
    for _ in range(8):
        for slot in [slot for slot, row in slots.items() if row.is_done or dice.random() < 0.15]:
            waiting += [slots[slot]] if not slots[slot].is_done else []
            del slots[slot]
        joining = [waiting.pop() for _ in range(len(waiting)) if dice.random() < 0.5] + new_requests(dice, 2)
        for slot, request in zip([slot for slot in range(8) if slot not in slots], joining, strict=False):
            slots[slot] = request
            assert processor.add_request(slot, request.params) == (request.params.extra_args is not None)
        step_of_v2(config, processor, slots, dice)


@pytest.mark.parametrize("params", WISHES[:-1], ids=lambda params: str(params.extra_args["gen_with"]))
@given(dice=st.randoms())
@some.examples(2)
def test_every_text_ends_within_max_tokens_and_obeys(config, params, dice):
    processor, request = GenLogitsProcessor(config, torch.device("cpu"), False), Request(params, [3])
    processor.update_state(Batch().change([], [request], None))
    while not request.is_done:
        draw_all(processor.apply(torch.randn(1, SIZE)), [request], dice)
    check_text(config, request)
    full = Request(params, [3], request.output)
    assert END in request.output or left_by_chain(config, full) == {END}


def test_a_text_that_was_cut_back_is_followed_anew(config):
    processor, request = GenLogitsProcessor(config, torch.device("cpu"), False), Request(WISHES[4], [3], [3, 4])
    processor.update_state(Batch().change([], [request], None))
    for request.output[:] in ([3, 4], [4], [4, 4, 3], []):
        assert left(processor.apply(torch.zeros(1, SIZE))[0]) == left_by_chain(config, request)


def test_a_half_read_prompt_of_v2_is_not_masked(config):
    request = Request(WISHES[0], [3] * 5)
    processor = GenLogitsProcessor(config, slots_of({2: request}))
    processor.add_request(2, request.params)
    layout = context_of({2: request}, [2])
    layout.seq_lens_upper_bound_np[0] = 3
    assert left(processor.apply(torch.zeros(1, SIZE), layout)[0]) == set(range(SIZE))


def test_a_shorter_window_is_planned_for(config):
    tight = config_of(config.model_config.tokenizer, max_model_len=7)
    row = Request(asking("no_special", "only=a|c", "length=4"), [3] * 5)
    processor = GenLogitsProcessor(tight, torch.device("cpu"), False)
    processor.update_state(Batch().change([], [row], None))
    assert left(processor.apply(torch.zeros(1, SIZE))[0]) == {8}  # "ca" twice, since two tokens are left


@pytest.mark.parametrize("tokens", [[-1], [3, -1]])
def test_a_text_whose_tokens_are_hidden_ends_and_says_so(config, tokens, caplog):
    processor, rows = GenLogitsProcessor(config, torch.device("cpu"), False), [Request(WISHES[0], [3], tokens)]
    rows.append(Request(WISHES[0], [3], [3]))
    processor.update_state(Batch().change([], rows, None))
    logits = processor.apply(torch.zeros(2, SIZE))
    assert [left(row) for row in logits] == [{END}, left_by_chain(config, rows[1])]
    assert "--no-async-scheduling" in caplog.text


def test_slots_that_cannot_be_read_end_and_nothing_else(config, caplog):
    processor = GenLogitsProcessor(config, object())
    processor.add_request(1, WISHES[0])
    requests = {0: Request(Params(), [3]), 1: Request(WISHES[0], [3])}
    logits = processor.apply(torch.zeros(2, SIZE), context_of(requests, [0, 1]))
    assert [left(row) for row in logits] == [set(range(SIZE)), {END}]
    assert "could not be read" in caplog.text


def test_logits_that_leave_nothing_allowed_are_taken_as_equal(config):
    processor = GenLogitsProcessor(config, torch.device("cpu"), False)
    processor.update_state(Batch().change([], [Request(WISHES[0], [3])], None))
    given = torch.full((1, SIZE), -torch.inf)
    given[0, END] = 5.0
    assert processor.apply(given)[0, [3, 4, 5]].tolist() == [0.0, 0.0, 0.0]


def test_a_batch_without_a_wish_stays_the_same_object(config):
    processor, logits = GenLogitsProcessor(config, torch.device("cpu"), False), torch.zeros(1, SIZE)
    processor.update_state(Batch().change([], [Request(Params(), [3])], None))
    processor.update_state(None)
    assert processor.apply(logits) is logits
    assert not processor.rows


def test_a_text_ends_only_where_vllm_stops(config):
    ends = {"eos_token_id": [END, 0]}
    two = config_of(config.model_config.tokenizer, revision="two", try_get_generation_config=lambda: ends)
    assert served_by(two).ends == {END, 0}
    processor = GenLogitsProcessor(two, torch.device("cpu"), False)
    processor.update_state(Batch().change([], [Request(asking("no_special", "only=a", "length=1"), [3], [3])], None))
    assert left(processor.apply(torch.zeros(1, SIZE))[0]) == {END}


def test_what_is_no_number_is_never_drawn(config):
    processor = GenLogitsProcessor(config, torch.device("cpu"), False)
    processor.update_state(Batch().change([], [Request(WISHES[0], [3])], None))
    given = torch.zeros(1, SIZE)
    given[0, 3] = torch.nan
    assert processor.apply(given)[0, [3, 4, 5]].tolist() == [-torch.inf, 0.0, 0.0]


def test_a_tokenizer_is_read_once_and_runs_nothing(config, monkeypatch):
    asked = []
    monkeypatch.setattr("gen_vllm.serving.tokenizer_around", lambda *given: asked.append(given))
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", lambda name, **how: asked.append(how["trust_remote_code"]))
    served = served_by(config_of(config.model_config.tokenizer, tokenizer_revision="new"))
    assert served_by(config_of(config.model_config.tokenizer, tokenizer_revision="new")) is served
    assert (asked[0], len(asked)) == (False, 2)
