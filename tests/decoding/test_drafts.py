"""Speculative decoding: any draft, however wrong, leaves every text as it was, to the last bit."""

import strategies as some
from completions import facts, streamed
from drafting import drafted, drafts
from hypothesis import given
from hypothesis import strategies as st


@given(some.batches(), st.data())
@some.examples(200)
def test_with_any_draft_the_texts_are_the_same(batch, data):
    requests, make_engine = batch
    draft = data.draw(drafts(make_engine, len(make_engine().tokenizer.vocabulary)))
    assert facts(make_engine().generate_batch(drafted(requests, draft))) == facts(
        make_engine().generate_batch(requests)
    )


@given(some.batches(), st.data())
@some.examples(60)
def test_with_any_draft_the_same_is_streamed(batch, data):
    requests, make_engine = batch
    draft = data.draw(drafts(make_engine, len(make_engine().tokenizer.vocabulary)))
    for plain, other in zip(requests, drafted(requests, draft), strict=True):
        assert streamed(make_engine(), other) == streamed(make_engine(), plain)
