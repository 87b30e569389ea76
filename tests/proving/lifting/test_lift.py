"""Character machines lifted to tokens: the same texts in every vocabulary, and sets that agree with single steps."""

import itertools
from types import SimpleNamespace

import custom_rules
import oracle
import pytest
import strategies as some
from hypothesis import given
from hypothesis import strategies as st
from tiny import TinyTokenizer, chars, engine_of, vocabulary

from gen_engine.constraints.bans import ban, only
from gen_engine.constraints.lengths import force, length
from gen_engine.errors import GenError
from gen_engine.proving.lifting.lift import AnyText, Lifted
from gen_engine.proving.lifting.promises import promised_by_machine
from gen_engine.text.char_sets import codes_beginning
from gen_engine.types import Named

ONE = chars("abc,é")
MERGED = vocabulary("", "a", "b", "c", ",", "é", "ab", "b,c", "aa", ",,", end=0, specials=(0,))
BYTES = vocabulary(
    "", "a", "b", "c", ",", "é".encode()[:1], "é".encode()[1:], b"a\xc3", b"\xa9,b", end=0, specials=(0,)
)
each_machine = pytest.mark.parametrize("machine", custom_rules.MACHINES, ids=lambda each: type(each).__name__)


def run(lifted, prompt, tokens):
    """The state after the tokens, None where one of them is forbidden."""
    state = lifted.start(prompt)
    for token in tokens:
        state = lifted.after(state, token)
        if state is None:
            return None
    return state


def spellings(vocab, data):
    """Every way to write some bytes in tokens."""
    if not data:
        return [()]
    begun = [t for t in vocab.usable if vocab.surfaces[t] and data.startswith(vocab.surfaces[t])]
    return [(t, *rest) for t in begun for rest in spellings(vocab, data[len(vocab.surfaces[t]) :])]


@each_machine
@pytest.mark.parametrize("vocab", [MERGED, BYTES], ids=["merged", "bytes"])
def test_every_tokenization_is_judged_as_its_characters_are(machine, vocab):
    plain, lifted = Lifted(machine, ONE), Lifted(machine, vocab)
    for text in map("".join, itertools.chain.from_iterable(itertools.product("ab,é", repeat=n) for n in range(5))):
        expected = run(plain, TinyTokenizer(ONE).encode("b"), spellings(ONE, text.encode())[0])
        for tokens in spellings(vocab, text.encode()):
            found = run(lifted, TinyTokenizer(vocab).encode("b"), tokens)
            assert (found is None) == (expected is None)
            assert found is None or lifted.accepts(found) == plain.accepts(expected)


@each_machine
@given(data=st.data())
@some.examples(15)
def test_the_set_of_allowed_tokens_agrees_with_each_single_step(machine, data):
    vocab = data.draw(st.sampled_from([MERGED, BYTES]) | some.vocabularies())
    lifted = Lifted(machine, vocab)
    state = lifted.start(TinyTokenizer(vocab).encode(""))
    for _ in range(5):
        allowed = lifted.allowed(state)
        expected = [token for token in vocab.usable if lifted.after(state, token) is not None]
        assert [token for token in vocab.usable if token in allowed] == expected
        assert [token for token in vocab.usable if allowed.to_array()[token]] == expected
        if not expected:
            break
        state = lifted.next(state, data.draw(st.sampled_from(expected)))


@each_machine
def test_unmentioned_tokens_of_one_kind_are_allowed_alike(machine):
    lifted = Lifted(machine, MERGED)
    kinds = list(range(len(MERGED))) if lifted.promises.kinds is None else list(lifted.promises.kinds())
    mentions = lifted.promises.mentions or (lambda state: ())
    for tokens in itertools.product(MERGED.usable, repeat=2):
        state = run(lifted, TinyTokenizer(MERGED).encode("c"), tokens)
        if state is not None:
            free = [token for token in MERGED.usable if token not in set(mentions(state))]
            answers = {(kinds[token], token in lifted.allowed(state)) for token in free}
            assert len(answers) == len({kinds[token] for token in free})


@each_machine
def test_no_more_characters_are_removed_than_promised(machine):
    lifted = Lifted(machine, ONE)
    for tokens in itertools.chain.from_iterable(itertools.product(ONE.usable, repeat=n) for n in range(4)):
        state = run(lifted, TinyTokenizer(ONE).encode("c"), tokens)
        bound = lifted.promises.removes_at_most(1 + 3)
        if state is not None and bound is not None:
            assert sum(token not in lifted.allowed(state) for token in ONE.usable) <= bound
            assert lifted.accepts(state)
            assert all(token in lifted.allowed(state) for token in ONE.usable if lifted.promises.never_forbids(token))


def test_a_token_that_breaks_utf8_is_never_allowed():
    vocab = vocabulary("a", b"\xe6", b"\x98\xa5", b"\xff")
    lifted = Lifted(AnyText(), vocab)
    start = lifted.start(TinyTokenizer(vocab).encode(""))
    assert [lifted.permits(start, token) for token in range(4)] == [True, True, False, False]
    assert [lifted.permits(lifted.next(start, 1), token) for token in range(4)] == [False, False, True, False]
    assert not lifted.accepts(lifted.next(start, 1))


@pytest.mark.parametrize(
    "machine", [only(("é",)), force(("1:é",)), ban(("ê", "ë", "latin"))], ids=lambda each: type(each).__name__
)
def test_no_forbidden_character_may_begin(machine):
    vocab = vocabulary(b"\xc3", b"\xc4", b"\xa9", b"\xaa")
    lifted = Lifted(machine, vocab)
    start = lifted.start(TinyTokenizer(vocab).encode(""))
    assert [lifted.permits(start, token) for token in (0, 1)] == [True, "ban" in repr(machine).lower()]
    assert [lifted.permits(lifted.next(start, 0), token) for token in (2, 3)] == [True, False]


@given(st.characters(min_codepoint=0x80, exclude_categories=["Cs"]), st.integers(1, 3))
def test_the_characters_that_begin_with_some_bytes_are_known(char, count):
    data = char.encode()[: min(count, len(char.encode()) - 1)]
    codes = codes_beginning(data)
    assert ord(char) in codes
    assert all(chr(code).encode().startswith(data) for code in (codes[0], codes[-1]))


def test_twins_are_banned_together():
    vocab = vocabulary("春", "春", "夏")
    found = Lifted(ban(("春",)), vocab).allowed(("", b""))
    assert found.to_array().tolist() == [False, False, True]


def test_an_empty_tuple_as_kind_is_not_a_silent_token():
    engine = engine_of(vocabulary("", "甲", "乙", specials=(0,)))
    done = engine.generate(
        "", processors=[Named("readings", custom_rules.Readings("乙")), "length=2"], max_new=3, seed=1
    )
    assert done[0].new in ("甲乙", "乙乙")


def test_a_field_named_like_an_optional_method_promises_nothing():
    rule, fields = (
        length("2"),
        dict.fromkeys(
            ("min_remaining", "max_remaining", "kind", "transitions", "needs", "only_forbids_repeats_of", "allowed"), 2
        ),
    )
    machine = SimpleNamespace(start=rule.start, step=rule.step, accepts=rule.accepts, **fields)
    [done] = engine_of(chars("ab")).generate("", processors=[machine], max_new=5, seed=1)
    assert len(done.new) == 2


def test_a_step_that_is_not_allowed_is_an_error():
    lifted = Lifted(length("0"), ONE)
    with pytest.raises(ValueError, match="not allowed"):
        lifted.next(lifted.start(TinyTokenizer(ONE).encode("")), 1)


@pytest.mark.parametrize(
    "wish", [oracle.length(0, 1, "whole"), oracle.force({2: "a"}, "whole")], ids=lambda each: type(each).__name__
)
def test_a_prompt_that_breaks_a_whole_text_rule_is_refused(wish):
    assert wish.refuses("bb")
    with pytest.raises(GenError, match=r"prompt has .*; "):
        engine_of(chars("ab")).generate("bb", processors=[wish.spec])


class Older:
    """A rule whose promise has the name of version 0.3."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return state + 1 if state < 3 else None

    def accepts(self, state):
        return state == 3

    def least(self, state):
        return 3 - state


def test_a_promise_by_its_older_name_counts_with_a_warning():
    with pytest.warns(DeprecationWarning, match=r"Older.least is called min_remaining now"):
        promises = promised_by_machine(Older(), chars("ab"))
    assert promises.min_remaining((1, b"")) == 2
