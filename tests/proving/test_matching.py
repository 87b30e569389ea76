"""Different characters for different places."""

from itertools import product

import strategies as some
from hypothesis import given
from hypothesis import strategies as st

from gen_engine.proving.matching import representatives

DOMAINS = st.lists(st.lists(st.sampled_from("abcde"), unique=True, max_size=4), max_size=5)


@given(DOMAINS, st.sets(st.sampled_from("abcde"), max_size=2))
@some.examples(200)
def test_a_choice_is_found_exactly_if_there_is_one(domains, taken):
    every = [choice for choice in product(*domains) if len({*choice} - taken) == len(domains)]
    found = representatives(domains, taken)
    assert (found is None) == (not every)
    assert found is None or found in every


def test_no_places_need_no_characters():
    assert representatives([]) == ()
