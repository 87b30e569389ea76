"""Routing: what is hard goes on in the patient lane, and nothing is told twice."""

import asyncio

import pytest

from gen_serve.messages import (
    Begun,
    CommandWish,
    Drawing,
    ExplainWish,
    Failed,
    Over,
    PossibleWish,
    Submit,
    Text,
    TextDone,
    TextWish,
)
from gen_serve.routing import QUICK, READ


def submitted(stage, place):
    return [each for each in stage.processes[place].said if isinstance(each, Submit)]


def text_of(events):
    return "".join(event.text for event in events if isinstance(event, Text))


def test_an_easy_wish_stays_in_the_quick_lane(play, told, stage):
    found = play(lambda router: told(router, "easy"))
    assert text_of(found) == "白日依山"
    assert [each.patience for each in submitted(stage, 0)] == [QUICK]
    assert submitted(stage, 1) == []


def test_a_hard_wish_goes_on_where_it_stood(play, told, stage):
    found = play(lambda router: told(router, "hard"))
    assert [type(event) for event in found] == [Begun, Text, Drawing, Drawing, Text, TextDone, Over]
    assert [event.drawn for event in found if isinstance(event, Drawing)] == [1, 2]
    assert text_of(found) == "白日依山"
    assert [each.patience for each in submitted(stage, 1)] == [8.0]


def test_a_conflict_whose_search_was_cut_is_looked_at_again(play, told):
    [found] = play(lambda router: told(router, "cut"))
    assert (found.members, found.is_cut) == (("a", "b"), False)


def test_a_full_conflict_needs_no_second_look(play, told, stage):
    [found] = play(lambda router: told(router, "conflict"))
    assert found.members == ("a", "b")
    assert submitted(stage, 1) == []


def test_a_known_conflict_is_refused_without_asking_again(play, told, stage):
    async def scene(router):
        return await told(router, "cut"), await told(router, "cut"), await told(router, "easy")

    first, again, other = play(scene)
    assert first == again
    assert isinstance(other[-1], Over)
    assert [len(submitted(stage, place)) for place in (0, 1)] == [2, 1]


def test_a_conflict_that_stays_cut_is_looked_for_again(play, told, stage):
    async def scene(router):
        return await told(router, "doubtful"), await told(router, "doubtful")

    [first], [again] = play(scene)
    assert first.members == again.members == ("a", "b")
    assert [len(submitted(stage, place)) for place in (0, 1)] == [2, 2]


def test_explanations_take_the_patient_lane(play, stage):
    wish = ExplainWish(CommandWish("poem", ()), "白日依山")

    async def scene(router):
        return [event async for event in router.events("poem", wish, seed=1)]

    play(scene)
    assert [len(submitted(stage, place)) for place in (0, 1)] == [0, 1]


def test_a_single_lane_is_as_patient_as_asked(play, told, stage):
    found = play(lambda router: told(router, "hard"), lanes=1, seconds=3.0)
    assert isinstance(found[-1], Over)
    assert [each.patience for each in submitted(stage, 0)] == [3.0]


def test_leaving_a_moved_wish_cancels_it_in_the_patient_lane(play, stage, eventually):

    async def scene(router):
        events = router.events("poem", TextWish("hard"), seed=1, is_streamed=True)
        seen = [await anext(events) for _ in range(4)]
        await events.aclose()
        await asyncio.to_thread(eventually, lambda: stage.processes[1].cancelled() == [0])
        return seen[-1]

    assert isinstance(play(scene), Drawing)


def test_the_watch_sees_each_event_once(play, told):
    seen = []
    found = play(lambda router: told(router, "hard"), watching=lambda: seen.append)
    assert seen == found
    assert not [event for event in seen if isinstance(event, Failed)]


def test_moved_wishes_are_counted(play, told):
    async def scene(router):
        await told(router, "hard")
        return router.moved

    assert play(scene) == 1


LONG = "白" * (READ + 1)


@pytest.mark.parametrize(
    "wish",
    [
        TextWish("easy", processors=(LONG,)),
        TextWish("easy", chat=(("user", LONG),)),
        CommandWish("poem", (LONG,)),
        PossibleWish(CommandWish("poem", (LONG,))),
    ],
)
def test_what_is_long_to_read_takes_the_patient_lane(play, stage, wish):
    async def scene(router):
        return [event async for event in router.events("poem", wish, seed=1)]

    play(scene)
    assert [len(submitted(stage, place)) for place in (0, 1)] == [0, 1]


def test_the_scores_of_a_prompt_take_the_patient_lane(play, stage):
    async def scene(router):
        wish = TextWish("easy", echo=True, logprobs=0)
        return [event async for event in router.events("poem", wish, seed=1)]

    play(scene)
    assert [len(submitted(stage, place)) for place in (0, 1)] == [0, 1]
