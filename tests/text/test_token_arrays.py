"""What tokens print as arrays: the same as one reads token by token."""

import numpy as np
import plain_lift
import strategies as some
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.testing.large import large_vocabulary
from gen_engine.text.sparse import Sparse
from gen_engine.text.token_sets import Mask


def spelt(arrays, node):
    """The text by which the trie comes to a node."""
    text = ""
    while node:
        text = arrays.chars[arrays.symbols[node]] + text
        node = next(n for n in range(len(arrays.symbols)) if arrays.children[n] <= node < arrays.children[n + 1])
    return text


@given(some.vocabularies_of_pieces())
@some.examples(60)
def test_each_token_ends_where_its_text_leads(vocab):
    arrays = vocab.arrays
    for token, text in enumerate(plain_lift.texts(vocab)):
        assert vocab.texts[token] == text
        assert arrays.lengths[token] == (-1 if text is None else len(text))
        assert text is None or spelt(arrays, int(arrays.nodes[token])) == text
        assert text is not None or arrays.nodes[token] == -1


@given(some.vocabularies_of_pieces())
@some.examples(60)
def test_nodes_of_a_level_adjoin_and_know_first_places(vocab):
    arrays = vocab.arrays
    for depth, (low, high) in enumerate(zip(arrays.levels, arrays.levels[1:], strict=False)):
        for node in range(low, high):
            text = spelt(arrays, node)
            assert len(text) == depth
            assert not text or arrays.firsts[node] == text.index(text[-1])


@given(some.vocabularies_of_pieces())
@some.examples(60)
def test_tokens_carrying_a_character_are_known_with_its_place(vocab):
    texts = dict(enumerate(plain_lift.texts(vocab)))
    for char in vocab.arrays.chars:
        carriers = [token for token, text in texts.items() if char in (text or "")]
        assert list(vocab.carriers[char]) == carriers == vocab.arrays.carrying(char).tolist()
        assert list(vocab.singles.get(char, ())) == [token for token in carriers if texts[token] == char]
        for place in range(4):
            expected = [token for token in carriers if texts[token].index(char) < place]
            assert vocab.arrays.carrying_before(char, place).tolist() == expected


@given(some.vocabularies_of_pieces(), st.frozensets(st.sampled_from("abc春é-鬱") | st.just("ab")))
@some.examples(150)
def test_tokens_that_print_just_one_of_some_characters_are_found(vocab, chars):
    expected = [token for token, text in enumerate(plain_lift.texts(vocab)) if len(text or "") == 1 and text in chars]
    found = vocab.arrays.printing(chars)
    mask = Sparse(np.sort(found), len(vocab))
    assert sorted(found.tolist()) == expected
    assert (mask.members, mask.size, mask.array.nonzero()[0].tolist()) == (expected, len(expected), expected)
    assert mask.bits.tolist() == Mask(mask.array).bits.tolist()


@given(some.vocabularies_of_pieces())
@some.examples(60)
def test_a_vocabulary_lists_usable_tokens_by_what_they_print(vocab):
    texts = plain_lift.texts(vocab)
    usable = [token for token in range(len(vocab)) if token not in vocab.unused and token != vocab.end]
    assert list(vocab.usable) == usable
    assert list(vocab.merged) == [token for token in usable if len(texts[token] or "") > 1]
    assert list(vocab.partial) == [token for token in usable if texts[token] is None]
    assert list(vocab.silent) == [token for token in usable if texts[token] == ""]
    assert vocab.longest == max(1, *(len(text or "") for text in texts))
    assert vocab.widest == max([1, *map(len, vocab.singles.values())])
    assert (vocab.has_merged, list(map(vocab.text_at, range(len(vocab))))) == (bool(vocab.merged), texts)


def test_a_made_vocabulary_has_its_size_and_is_always_same():
    one, two = large_vocabulary(40_000), large_vocabulary(40_000)
    assert (len(one), one.surfaces) == (40_000, two.surfaces)
    assert len(set(one.names)) == 40_000
    assert len(one.partial) == 128
    assert {1, 2, 3, 4} <= {len(text) for text in one.texts if text and text[0] >= "\u4e00"}
