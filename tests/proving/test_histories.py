"""Rules of history asked for many rows at once say what they say of each row by itself."""

import numpy as np
import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from joint_states import whole_rest
from tiny import TinyTokenizer, chars, vocabulary

from gen_engine.chain import make_chain
from gen_engine.constraints.repeats import NoRepeat
from gen_engine.errors import ConflictError
from gen_engine.hooks.registry import registry
from gen_engine.hooks.specs import build
from gen_engine.proving.histories import Banned, History, side_by_side
from gen_engine.text.token_sets import Blocked, Mask, TokenSet
from gen_engine.types import Named, Prompt

ALPHABET = "春夏秋冬，。"
TWINS = vocabulary("", *ALPHABET, "春", "夏", end=0, specials=(0,))
VOCABULARIES = st.sampled_from([chars(ALPHABET), TWINS])
RULES = st.lists(
    st.sampled_from(["no_repeat=2", "no_repeat=9", "no_repeat=3,exempt=punctuation", "no_repeat_ngram=2",
                     "no_repeat_ngram=1", "no_repeat_ngram=3", "no_repeat_ngram=2,within=4", "only=han|，"]),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip
PATHS = st.lists(st.integers(0, 50), max_size=6)


@st.composite
def plans(draw):
    vocab = draw(VOCABULARIES)
    forms = draw(
        st.sampled_from([("length=..8",), ("length=5",), ("force=3:夏|4:春", "length=4"), ("force=2:，|3:冬",)])
    )
    named = [build(spec, registry(), vocab) for spec in (*draw(RULES), *forms)]
    prompt = TinyTokenizer(vocab).encode(draw(st.text(ALPHABET, max_size=4)))
    try:
        return make_chain(vocab, named).plan(prompt, 8)
    except ConflictError:
        reject()


def follow(plan, path):
    """The joint state, the tokens left and the history after some permitted tokens."""
    joint, left, [history] = plan.start, plan.budget, plan.prover.histories.begin(plan.prompt) or [None]
    for number in path:
        allowed = plan.tokens(joint, left).members()
        if not allowed or left <= 0:
            break
        token = allowed[number % len(allowed)]
        joint, left = plan.product.next(joint, token), left - 1
        if history is not None and (code := plan.chain.vocabulary.codes[token]) >= 0:
            history.append(int(code))
    return joint, left, history


@given(plans(), st.lists(PATHS, min_size=1, max_size=4))
def test_many_rows_at_once_may_do_what_each_may(plan, paths):
    places = [follow(plan, path) for path in paths]
    lazily = [plan.tokens(*place) for place in places]
    one_by_one = [plan.tokens(joint, left) for joint, left, _ in places]
    rows = Blocked(lazily, len(plan.chain.vocabulary)).tensor.numpy()
    assert (~rows == np.stack([each.to_array() for each in one_by_one])).all()


@pytest.mark.parametrize("ask", [TokenSet.only, TokenSet.is_empty, TokenSet.members, TokenSet.size.fget])
@given(plan=plans(), path=PATHS)
@settings(max_examples=40)
def test_a_lazy_set_answers_as_one_worked_out(ask, plan, path):
    joint, left, history = follow(plan, path)
    assert ask(plan.tokens(joint, left, history)) == ask(plan.tokens(joint, left))


@given(plans(), PATHS)
def test_a_lazy_set_can_be_cut_down(plan, path):
    joint, left, history = follow(plan, path)
    plain = plan.tokens(joint, left)
    some = plain.members()[:2]
    assert plan.tokens(joint, left, history).without(some).members() == plain.without(some).members()
    assert [token in plan.tokens(joint, left, history) for token in some] == [True] * len(some)


@given(plans(), PATHS)
@settings(max_examples=100)
def test_what_is_seen_from_what_was_used_is_so(plan, path):
    joint, left, history = follow(plan, path)
    assume(history is not None)
    for token in plan.tokens(joint, left).members():
        after = plan.product.next(joint, token)
        asked = [after.others[place] for place in plan.prover.sufficient.row_by_row]
        if plan.prover.sufficient.is_sure(after.node, asked, left - 1, history, plan.chain.vocabulary.texts[token]):
            assert plan.prover.at_once(after, left - 1) == "yes"
            assert len(whole_rest(plan.prover, after, left - 1)) <= left - 1


@given(st.lists(st.text(max_size=9), min_size=1, max_size=3), st.integers(0, 3), st.data())
def test_histories_lie_side_by_side(texts, room, data):
    rows = History.rows("春", len(texts), room)
    for history, text in zip(rows, texts, strict=True):
        for char in text:
            history.append(ord(char))
    lengths = [data.draw(st.integers(0, history.length)) for history in rows]
    codes = side_by_side(rows, np.array(lengths))
    assert codes.shape == (len(texts), max(lengths))
    for row, text, length in zip(codes, texts, lengths, strict=True):
        assert row.tolist() == [*map(ord, ("春" + text)[:length])] + [-1] * (max(lengths) - length)


def test_what_a_single_text_shows_of_itself_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        side_by_side(History.rows("春", 1, 3), np.array([1]))[0, 0] = 3


@given(st.text(max_size=70), st.text(max_size=70))
def test_a_branch_goes_on_by_itself(begun, more):
    history = History.rows(begun, 1, 3)[0]
    other = history.fork()
    for char in more:
        other.append(ord(char))
    assert "".join(map(chr, other.codes[: other.length])) == begun + more
    assert "".join(map(chr, history.codes[: history.length])) == begun
    assert (history.used, other.used) == (set(begun), set(begun + more))


def planned(specs, vocab=TWINS):
    """A plan of these rules that begins with nothing."""
    named = [Named("own", spec) if not isinstance(spec, str) else build(spec, registry(), vocab) for spec in specs]
    return make_chain(vocab, named).plan(TinyTokenizer(vocab).encode(""), 3)


def banned_after(plan, text, also=(), spelt=None):
    """What is forbidden after a text, not worked out yet."""
    [history] = plan.prover.histories.begin(Prompt(text, (), (), spelt=spelt))
    return Banned(plan.prover.histories, history, also)


def forbidden_one_by_one(plan, prompt):
    """The tokens that one of the rules of history does not permit."""
    rules = [plan.product.rules[number] for number in plan.prover.histories.numbers]
    states = [(rule, rule.constraint.start(prompt)) for rule in rules]
    usable = plan.chain.vocabulary.usable
    return {token for token in usable if not all(rule.permits(state, token) for rule, state in states)}


@given(
    st.sampled_from([chars(ALPHABET + "\0"), TWINS]), RULES,
    st.lists(st.tuples(st.text(ALPHABET + "鬱\0", max_size=6), st.booleans()), min_size=1, max_size=3),
)  # fmt: skip
def test_what_many_rows_are_forbidden_is_what_the_rules_forbid(vocab, specs, texts):
    plan = planned(specs, vocab)
    assume(plan.prover.histories.numbers)
    prompts = [Prompt(text, (), (), spelt=text[::-1] if is_respelt else None) for text, is_respelt in texts]
    banned = [banned_after(plan, prompt.text, spelt=prompt.spelt) for prompt in prompts]
    rows, tokens = plan.prover.histories.forbidden(banned)
    for row, (prompt, each) in enumerate(zip(prompts, banned, strict=True)):
        assert set(tokens[rows == row].tolist()) == forbidden_one_by_one(plan, prompt)
        assert len(tokens[rows == row]) <= each.bound


def test_the_bound_on_what_is_forbidden_holds_and_is_met():
    plan = planned(["no_repeat=9", "no_repeat=2", "no_repeat_ngram=1"])
    assert len(banned_after(plan, "春夏")) == banned_after(plan, "春夏").bound == 12
    assert banned_after(plan, "", also=[3, 4]).bound == 2


@pytest.mark.parametrize("more, spared", [((), "，。"), (("no_repeat_ngram=2",), "")])
@given(text=st.text(ALPHABET, max_size=4), tokens=st.lists(st.booleans(), min_size=9, max_size=9), also=PATHS)
def test_what_was_not_used_or_is_spared_is_left(more, spared, text, tokens, also):
    plan = planned(["no_repeat=9,exempt=punctuation", *more])
    texts, mask = plan.chain.vocabulary.texts, Mask(np.array(tokens))
    used = set(text) - set(spared)
    left = [token for token in mask.members if texts[token] not in used and token not in also]
    assert banned_after(plan, text, also).surely_left(mask) == left[:2]


def test_what_is_forbidden_stands_in_the_rows_of_its_texts():
    plan = planned(["no_repeat=9"])
    one, other = banned_after(plan, "春"), banned_after(plan, "秋")
    assert plan.prover.histories.places([one], [2], 10).tolist() == [21, 27]
    assert plan.prover.histories.places([one, other], [2, 1], 10).tolist() == [21, 27, 13]


def test_forbidden_tokens_are_computed_when_looked_at():
    banned = banned_after(planned(["no_repeat=9"]), "春秋")
    assert banned.is_open
    assert [banned[place] for place in range(3)] == [*banned] == [1, 7, 3]
    assert not banned.is_open
    assert [token in banned for token in range(5)] == [False, True, False, True, False]


def test_texts_of_one_array_are_read_from_it():
    rows = History.rows("春夏", 3, 2)
    for history in rows:
        del history.codes
    assert side_by_side(rows[1:], np.array([1, 2])).tolist() == [[ord("春"), -1], [ord("春"), ord("夏")]]


class Typed(NoRepeat):
    """A rule that judges a prompt as it was typed, not in the spelling of its history."""

    as_typed = True


class Once:
    """A rule over tokens, of which each may come once; what it says of characters is none of its business."""

    def start(self, prompt):
        return frozenset()

    def allowed(self, state):
        return np.array([token not in state for token in range(len(TWINS))])

    def next(self, state, token):
        return state | {token}

    def accepts(self, state):
        return True

    mentions = banned = lambda self, *_: ()


@pytest.mark.parametrize("rule", [Typed(9, lambda char: False), Once()])
def test_rules_that_judge_as_typed_are_asked_row_by_row(rule):
    assert planned([rule]).prover.histories.numbers == ()
    assert len(planned([rule, "no_repeat=9"]).prover.histories.numbers) == 1


def test_what_is_written_later_is_not_looked_at():
    banned = banned_after(planned(["no_repeat=9"]), "春")
    banned.history.append(ord("夏"))
    assert list(banned) == [1, 7]


@pytest.mark.parametrize("tokens", [("", "春", "春夏"), ("", "春", b"\xe6")])
def test_tokens_not_of_one_character_are_asked_row_by_row(tokens):
    vocab = vocabulary(*tokens, end=0, specials=(0,))
    plan = make_chain(vocab, [build("no_repeat=9", registry(), vocab)]).plan(TinyTokenizer(vocab).encode(""), 3)
    assert plan.prover.histories.begin(plan.prompt) is None
