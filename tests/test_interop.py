"""transformers' processors are shapers here, and our chain masks in `model.generate` what our own decoders mask."""

import math
from copy import deepcopy
from dataclasses import dataclass

import custom_rules
import numpy as np
import pytest
import strategies as some
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from oracle import Case, ban, force, is_utf8, length, no_repeat, no_repeat_ngram, only, stop
from tiny import chars, vocabulary
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast
from transformers.generation import logits_process as theirs

from gen_engine.errors import ConflictError, GenError
from gen_engine.interop import as_logits_processor, engine_around, from_transformers
from gen_engine.types import Step

PIECES = ["[PAD]", "[UNK]", "[END]", "a", "b", "c", "，", "ab", "ca"]
END = 2


@pytest.fixture(scope="module")
def model():
    """A random GPT-2 over nine pieces of text."""
    torch.manual_seed(0)
    special = {"bos_token_id": END, "eos_token_id": END}
    config = GPT2Config(
        n_layer=2, n_head=2, n_embd=16, vocab_size=9, n_positions=48, initializer_range=0.5, **special
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module")
def tokenizer():
    backend = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"), decoders.Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="[END]", pad_token="[PAD]")


@pytest.fixture(scope="module")
def engine(model, tokenizer):
    return engine_around(model, tokenizer)


def step_of(histories):
    return Step(histories, [0] * len(histories), vocabulary=None)


# ------------------------------------------------------------------------------------- theirs as a shaper of ours

HISTORIES = [[3, 4, 3], [5], [3, 4, 3, 4, 3], []]


@pytest.mark.parametrize(
    "processor",
    [
        theirs.NoRepeatNGramLogitsProcessor(2),
        theirs.RepetitionPenaltyLogitsProcessor(1.4),
        theirs.TopPLogitsWarper(0.7),
        theirs.LogitsProcessorList([theirs.TemperatureLogitsWarper(0.5), theirs.TopKLogitsWarper(3)]),
        theirs.PrefixConstrainedLogitsProcessor(lambda batch, ids: [1, 2 + len(ids) % 2], num_beams=1),
        lambda ids, scores: scores + ids.shape[1],
    ],
)
def test_each_row_is_processed_as_if_it_were_alone(processor):
    logits = torch.randn(4, len(PIECES), generator=torch.Generator().manual_seed(1))
    shaped = from_transformers(processor)(step_of(HISTORIES), logits)
    for i, history in enumerate(HISTORIES):
        expected = processor(torch.tensor([history], dtype=torch.long), logits[i : i + 1].clone())
        assert torch.equal(shaped[i : i + 1], expected)


def test_a_processor_neither_revives_nor_spoils_its_input():
    def reviving(ids, scores):
        return scores.fill_(1.0)

    logits = torch.tensor([[1.0, -torch.inf, 2.0]])
    shaped = from_transformers(reviving)(step_of([[1]]), logits)
    assert shaped.tolist() == [[1.0, -math.inf, 1.0]]
    assert logits.tolist() == [[1.0, -math.inf, 2.0]]


def test_a_processor_of_theirs_takes_part_in_a_chain(engine):
    never_twice = from_transformers(theirs.NoRepeatNGramLogitsProcessor(1))
    done = engine.generate("", processors=["only=abc", "no_special", "length=5", never_twice], max_new=5, num=5, seed=1)
    assert all(len(set(each.tokens)) == len(each.tokens) for each in done)
    forbidding = from_transformers(theirs.SuppressTokensLogitsProcessor(list(range(len(PIECES)))))
    (done,) = engine.generate("", processors=["only=abc", "length=2", forbidding], max_new=3, seed=1)
    assert done.undone == ("SuppressTokensLogitsProcessor",)


@pytest.mark.parametrize(
    "processor, reason",
    [
        (object(), "object is no logits processor; give a function of input_ids and scores."),
        (
            theirs.SynthIDTextWatermarkLogitsProcessor.__new__(theirs.SynthIDTextWatermarkLogitsProcessor),
            "leave it out.",
        ),
    ],
)
def test_what_cannot_be_a_shaper_is_refused(processor, reason):
    with pytest.raises(GenError) as error:
        from_transformers(processor)
    assert str(error.value).endswith(reason)


def test_scores_of_another_shape_are_refused():
    with pytest.raises(GenError, match="<lambda> returned no scores of the shape it was given"):
        from_transformers(lambda ids, scores: scores[:, :2])(step_of([[1]]), torch.zeros(1, 3))


# ----------------------------------------------------------------------------------------- ours inside `generate`

WISHES = [
    (only("a", "b", "c"), length(4, 4)),
    (only("a", "b", "c", "，"), no_repeat(2), length(3, 6, "whole")),
    (ban("b"), force({2: "c"}), length(2, 5)),
    (no_repeat_ngram(2), only("a", "b"), length(4, 5)),
    (stop("ca"), ban("，"), length(2, 4)),
    (only("a", "c"), stop("c"), length(2, 3)),
]
MODES = [
    {"do_sample": False},
    {"do_sample": True, "num_return_sequences": 6},
    {"do_sample": False, "num_beams": 4, "num_return_sequences": 4},
    {"do_sample": True, "num_beams": 3, "num_return_sequences": 3},
]
each_wish = pytest.mark.parametrize("wishes", WISHES, ids=str)


def generate(model, chain, seed=0, **options):
    torch.manual_seed(seed)
    with torch.inference_mode():
        return model.generate(**chain.inputs, logits_processor=[chain], **options)


def written(row, case):
    """The tokens of the text: up to the end, less a stop string."""
    tokens = tuple(row[: row.index(END)] if END in row else row)
    cuts = (case.stopped(tokens[:count]) for count in range(len(tokens) + 1))
    kept = next((cut for cut in cuts if cut is not None), None)
    return tokens if kept is None else tokens[:kept]


@each_wish
@pytest.mark.parametrize("prompt", ["", "，a"])
@pytest.mark.parametrize("mode", MODES, ids=["greedy", "sampling", "beams", "sampled beams"])
def test_every_text_that_generate_returns_obeys(model, engine, wishes, prompt, mode):
    specs = [wish.spec for wish in wishes]
    chain = as_logits_processor(engine, prompt, processors=["no_special", *specs], max_new=6)
    case = Case(engine.tokenizer.vocabulary, prompt, 6, wishes)
    for row in generate(model, chain, **mode).tolist():
        tokens = written(row[len(chain.plan.prompt.tokens) :], case)
        assert case.is_legal(tokens)
        assert chain.text(row) == prompt + case.new(tokens)


@each_wish
@pytest.mark.parametrize("shapers", [(), ("top_k=2", "repetition_penalty=1.5")])
def test_greedy_writes_the_same_text_as_our_own_decoder(model, engine, wishes, shapers):
    processors = ["no_special", *(wish.spec for wish in wishes), *shapers]
    (own,) = engine.generate("a", processors=processors, max_new=6, decoder="greedy")
    chain = as_logits_processor(engine, "a", processors=processors, max_new=6)
    (row,) = generate(model, chain, do_sample=False)
    assert chain.text(row) == own.text


def left_by(chain, beginnings, shift=0):
    """The tokens that the chain leaves after each of these beginnings, which are of one length."""
    ids = torch.tensor([[*chain.plan.prompt.tokens, *tokens] for tokens in beginnings])
    size = len(chain.plan.chain.vocabulary)
    scores = torch.linspace(-1, 1, len(ids) * size).view(len(ids), size)
    return [set((row > -torch.inf).nonzero().flatten().tolist()) for row in chain(ids, scores.roll(shift, 0))]


def is_clear(case):
    """Whether every stop string that can come true ends with a character: else rules may differ on the rest of it."""
    longer = ((*tokens, token) for tokens in case.world.alive for token in case.usable)
    return all(case.stopped(tokens) is None or is_utf8(case.data(tokens)) for tokens in longer)


def is_fit(case):
    """Two stop processors judge a token each by itself, which the oracle does not: one at most."""
    some_end = case.vocabulary.end is not None and sum(bool(wish.stops) for wish in case.wishes) < 2
    return some_end and not case.refuses() and bool(case.world.legal) and is_clear(case)


@given(some.cases(), st.randoms())
@some.examples(45)
def test_what_is_left_is_what_trying_every_text_finds(case, dice):
    assume(is_fit(case))
    engine = some.engine_of(case.vocabulary)
    chain = as_logits_processor(engine, case.prompt, processors=some.processors(case), max_new=case.budget)
    for count in range(case.budget + 1):
        beginnings = [tokens for tokens in case.world.alive if len(tokens) == count]
        dice.shuffle(beginnings)  # as beams do: states are found by tokens, not by rows
        expected = [set(case.world.choices(tokens)) or {case.vocabulary.end} for tokens in beginnings]
        assert not beginnings or left_by(chain, beginnings) == expected
    assert chain.exact


STUCK = [  # where some of what may follow leads nowhere, as nobody foresees
    (chars("abc"), "aabac", ["no_repeat_ngram=2", "only=a|b|c", "length=2"], 2, [2, 3]),
    (vocabulary("", b"\xa9", *"花月风", b"\xc3", end=0), "", ["length=1"], 1, [2, 3, 4]),
    (vocabulary("", b"\xc3", b"\xa9", "a", "b", b"\xe6", end=0), "", ["length=2"], 2, [3, 4]),
]


@pytest.mark.parametrize("shaper", ["top_k=1", "top_k=2", "min_p=0.7", "top_p=0.5", "typical=0.5", "top_n_sigma=1"])
@pytest.mark.parametrize("vocab, prompt, rules, budget, live", STUCK)
@pytest.mark.parametrize("sign", [1, -1])
def test_shapers_that_remove_tokens_see_only_what_lives(vocab, prompt, rules, budget, live, shaper, sign):
    engine = some.engine_of(vocab)
    chain = as_logits_processor(engine, prompt, processors=[*rules, shaper], max_new=budget)
    scores = sign * torch.linspace(-1, 1, len(vocab))[None]
    found = chain(torch.tensor([chain.plan.prompt.tokens]), scores)[0]
    alone = torch.full_like(scores, -torch.inf)
    alone[0, live] = scores[0, live]
    expected = engine.chain([shaper]).shapers[0].processor(None, alone)[0]
    assert set((found > -torch.inf).nonzero().flatten().tolist()) <= set(live)
    if shaper.startswith(("top_k", "min_p")):  # the others sum over what is not known to be dead
        assert found.tolist() == expected.tolist()


def test_of_two_stop_strings_at_the_end_the_longer_counts():
    even = next(wish.spec for wish in custom_rules.wishes(4, "abc") if getattr(wish.spec, "label", "") == "even")
    rules = [even, "stop=ba", "stop=a"]  # "ba" leaves nothing, which is even; "a" would leave "b"
    chain = as_logits_processor(some.engine_of(chars("abc")), "", processors=rules, max_new=3)
    assert left_by(chain, [(2,)]) == [{1, 2, 3}]


def test_a_token_singled_out_by_a_rule_is_asked_alone():
    engine = some.engine_of(chars("abc"))  # after "a" each letter stood already: who writes a now is stuck
    chain = as_logits_processor(engine, "aabac", processors=["no_repeat_ngram=2", "only=a|b|c", "length=2"], max_new=2)
    assert left_by(chain, [()]) == [{2, 3}]


@dataclass(frozen=True)
class NoTokenTwice:
    """State: the tokens so far, which it singles out."""

    size: int

    def start(self, prompt):
        return frozenset(prompt.tokens)

    def allowed(self, state):
        return np.array([token not in state for token in range(self.size)])

    def next(self, state, token):
        return state | {token}

    def accepts(self, state):
        return True

    def kinds(self):
        return [0] * self.size

    def mentions(self, state):
        return state


@dataclass(frozen=True)
class OneLetter:
    """State: the letter of which alone the text is made, once it has one."""

    def start(self, text):
        return ""

    def step(self, state, char):
        return char if state in ("", char) else None

    def accepts(self, state):
        return True

    def kind(self, char):
        return None

    def mentions(self, state):
        return state


def test_a_twin_of_a_singled_out_token_is_asked_alone():
    engine = some.engine_of(vocabulary("", "a", "b", "a", "b", end=0, specials=(0,)))  # the prompt uses up one a
    rules = [NoTokenTwice(5), OneLetter(), "length=2"]
    assert left_by(as_logits_processor(engine, "a", processors=rules, max_new=2), [()]) == [{2, 4}]


@given(some.cases(), some.shapers(), st.integers(0, 3))
@some.examples(25)
def test_shapers_leave_something_of_it(case, shapers, shift):
    assume(is_fit(case))
    engine, processors = some.engine_of(case.vocabulary), some.processors(case, shapers)
    chain = as_logits_processor(engine, case.prompt, processors=processors, max_new=case.budget)
    bare = as_logits_processor(engine, case.prompt, processors=processors, max_new=case.budget, shapers=False)
    for tokens in case.world.alive:
        ((some_left,), (all_left,)) = left_by(chain, [tokens], shift), left_by(bare, [tokens], shift)
        assert some_left <= all_left == (set(case.world.choices(tokens)) or {case.vocabulary.end})
        assert some_left


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1], [1, 1, 1]])
def test_rows_may_be_reordered_between_calls(engine, order):
    chain = as_logits_processor(engine, "a", processors=["no_special", "no_repeat=3", "length=4"], max_new=4)
    firsts = [(3,), (4,), (5,)]
    left_by(chain, [()])
    left_by(chain, firsts[1:])
    afresh = as_logits_processor(engine, "a", processors=["no_special", "no_repeat=3", "length=4"], max_new=4)
    seconds = [(*firsts[i], 6) for i in order if i]
    assert left_by(chain, seconds) == [left_by(afresh, [tokens])[0] for tokens in seconds]


@pytest.fixture(scope="module")
def with_ends(model, tokenizer):
    """The same model with three ends, of which its generation config names the last two."""
    other = deepcopy(model)
    other.generation_config.eos_token_id = [7, 8]
    return other, engine_around(other, tokenizer)


def test_each_of_several_ends_has_its_own_score(with_ends):
    chain = as_logits_processor(with_ends[1], "a", processors=["length=0..3"], max_new=4)
    ends = list(with_ends[1].tokenizer.vocabulary.every_end)
    scores = torch.randn(1, len(PIECES), generator=torch.Generator().manual_seed(1))
    assert sorted(ends) == sorted([END, 7, 8])
    assert chain.inputs["eos_token_id"] == ends
    torch.testing.assert_close(chain(chain.inputs["input_ids"], scores)[:, ends], scores[:, ends])


def test_generate_ends_by_each_of_them(with_ends):
    model, engine = with_ends
    chain = as_logits_processor(engine, "a", processors=["length=0..3"], max_new=4)
    rows = generate(model, chain, do_sample=True, num_return_sequences=24).tolist()
    begun = len(chain.inputs["input_ids"][0])
    lengths = [next((i for i in range(begun, len(row)) if row[i] in (END, 7, 8)), len(row)) for row in rows]
    assert {row[n] for row, n in zip(rows, lengths, strict=True) if n < len(row)} == {END, 7, 8}
    texts = ["a" + engine.tokenizer.vocabulary.text_of(row[begun:n]) for row, n in zip(rows, lengths, strict=True)]
    assert [chain.text(row) for row in rows] == texts


def test_finished_and_lost_rows_get_nothing_but_the_end(engine):
    chain = as_logits_processor(engine, "a", processors=["length=2", "only=a|b", "no_special"], max_new=4)
    assert left_by(chain, [(3, END), (3, 4), (5, 5)]) == [{END}] * 3
    assert left_by(chain, [(3, END, 0, 0, 0), (3, 4, END, END, END), (5, 5, 5, 5, 5)]) == [{END}] * 3
    given = chain(torch.tensor([[3, 3, 4]]), torch.full((1, 9), -5.0))
    assert given[0, END] == 0  # the end of a full text costs nothing


def test_memories_learn_the_probability_of_what_was_chosen(engine):
    chain = as_logits_processor(engine, "", processors=["only=a|b|c", "no_special", "mirostat=3,eta=0.5"], max_new=4)
    ids, scores = torch.tensor([chain.plan.prompt.tokens]), torch.linspace(0, 2, 9)[None]
    first = chain(ids, scores)
    chain(torch.cat([ids, torch.tensor([[4]])], dim=1), scores)
    (place,) = chain._places.values()
    surprise = -float(first[0].log_softmax(-1)[4]) / math.log(2)
    assert place.memory == (pytest.approx(6 - 0.5 * (surprise - 3)),)


def test_shapers_draw_the_numbers_of_the_seed(engine):
    def masks(seed):
        chain = as_logits_processor(engine, "", processors=["xtc=0.05,probability=0.5"], max_new=4, seed=seed)
        return left_by(chain, [()] * 32)

    assert masks(1) == masks(1) != masks(2)
    assert len({frozenset(left) for left in masks(1)}) == 2


def test_a_chain_made_before_serves_as_well(engine):
    made, prompt = engine.chain(["only=a", "length=2"]), engine.tokenizer.encode("b")
    assert left_by(as_logits_processor(made, prompt, max_new=3), [(3,)]) == [{0, 1, 3}]


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda e: as_logits_processor(e.chain([]), "b"), "give it what engine.read returns alone, or an engine."),
        (lambda e: as_logits_processor(some.engine_of(vocabulary("a")), "a"), "use engine.generate instead."),
        (lambda e: left_by(as_logits_processor(e, "b"), [()])[0] and as_logits_processor(e, "b")(
            torch.tensor([[3]]), torch.zeros(1, 9)), "pass **processor.inputs to it."),
        (lambda e: as_logits_processor(e, "b")(torch.tensor([[2, 4]]), torch.zeros(1, 8)), "give the model's engine."),
        (lambda e: engine_around(e.model.model, object()), "or give it a tokenizer.json."),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_refused(engine, make, reason):
    with pytest.raises(GenError) as error:
        make(engine)
    assert str(error.value).endswith(reason)


def test_a_conflict_is_named_before_generate_is_called(engine):
    with pytest.raises(ConflictError) as error:
        as_logits_processor(engine, "", processors=["only=a", "no_repeat=2", "length=2"], max_new=5)
    assert error.value.members == ("only=a", "no_repeat=2", "length=2")


def test_an_engine_around_a_model_is_that_model(engine, model, tokenizer):
    ids = torch.tensor([[2, 3, 4, 7]])
    with torch.inference_mode():
        expected = model(ids).logits[0, -1]
    (read,) = engine.model.feed(engine.model.open(1), [-1], [0], ids.tolist())
    torch.testing.assert_close(read, expected)
    assert engine.tokenizer.vocabulary.end == END
    assert tokenizer("ab").input_ids == [3, 4]
