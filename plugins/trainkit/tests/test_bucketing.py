from hypothesis import given
from hypothesis import strategies as st

from gen_trainkit.bucketing import plan_epoch

lengths = st.lists(st.integers(1, 30), min_size=1, max_size=60)


@given(lengths, st.integers(1, 100), st.integers(0, 3))
def test_every_text_comes_once_within_the_budget(lengths, budget, epoch):
    batches = plan_epoch(lengths, budget, seed=1, epoch=epoch)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget for batch in batches)


@given(lengths, st.integers(1, 100))
def test_every_epoch_has_as_many_batches(lengths, budget):
    assert len({len(plan_epoch(lengths, budget, seed=1, epoch=epoch)) for epoch in range(3)}) == 1


def test_the_order_follows_seed_and_epoch_alone():
    def plan(seed, epoch):
        return plan_epoch([5, 7] * 20, 20, seed=seed, epoch=epoch)

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)


def test_texts_of_like_length_share_a_batch():
    lengths = [5, 9] * 20
    assert all(len({lengths[i] for i in batch}) == 1 for batch in plan_epoch(lengths, 50, seed=1, epoch=0))
