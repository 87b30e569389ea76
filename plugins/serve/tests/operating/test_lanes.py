"""Lanes: wishes to an engine process and back."""

import asyncio

from gen_serve import lanes
from gen_serve.lanes import CLOSING, FULL, GONE, lanes_of
from gen_serve.messages import Begun, Over, TextWish
from gen_serve.settings import Settings


def events(lane, prompt, seconds=5.0):
    return lane.events("poem", TextWish(prompt), seed=1, patience=8.0, is_streamed=True, seconds=seconds)


async def all_of(lane, prompt, seconds=5.0):
    return [event async for event in events(lane, prompt, seconds)]


def test_a_wish_gets_the_events_of_its_own_number(play):
    async def scene(router):
        found = await asyncio.gather(*(all_of(router.quick, "easy") for _ in range(2)))
        return [{event.number for event in each} for each in found]

    assert play(scene) == [{0}, {1}]


def test_leaving_early_cancels_the_wish(play, stage, eventually):
    async def scene(router):
        started = events(router.quick, "slow")
        assert isinstance(await anext(started), Begun)
        await started.aclose()
        await asyncio.to_thread(eventually, lambda: stage.processes[0].cancelled() == [0])

    play(scene)


def test_a_task_that_is_cancelled_cancels_its_wish(play, stage, eventually):
    async def scene(router):
        task = asyncio.create_task(all_of(router.quick, "silent"))
        await asyncio.to_thread(eventually, lambda: stage.processes[0].said)
        task.cancel()
        await asyncio.to_thread(eventually, lambda: stage.processes[0].cancelled() == [0])

    play(scene)


def test_a_finished_wish_is_not_cancelled(play, stage):
    async def scene(router):
        await all_of(router.quick, "easy")
        await all_of(router.quick, "easy")
        return stage.processes[0].cancelled()

    assert play(scene) == []


def test_a_process_that_dies_fails_what_waits_and_comes_again(play, stage):
    async def scene(router):
        waiting = asyncio.create_task(all_of(router.quick, "slow"))
        await asyncio.sleep(0.05)
        died = await all_of(router.quick, "die")
        return died[-1], (await waiting)[-1], (await all_of(router.quick, "easy"))[-1], router.quick.starts

    died, waited, after, starts = play(scene)
    assert (died.code, waited.code, waited.message, starts) == ("gone", "gone", GONE, 2)
    assert isinstance(after, Over)


def test_a_process_that_dies_again_is_started_later(play):
    async def scene(router):
        await all_of(router.quick, "die")
        await all_of(router.quick, "die")
        await asyncio.sleep(0.2)
        return router.quick.starts, router.quick.problem

    assert play(scene) == (2, GONE)


def test_a_wish_that_takes_too_long_ends_and_is_cancelled(play, stage, eventually):
    async def scene(router):
        [*_, last] = await all_of(router.quick, "slow", seconds=0.1)
        await asyncio.to_thread(eventually, lambda: stage.processes[0].cancelled() == [0])
        return last.code

    assert play(scene) == "timeout"


def test_a_wish_does_not_wait_for_ever_to_begin(play, stage):
    stage.how = {"ready": False}

    async def scene(router):
        return (await all_of(router.quick, "easy", seconds=0.1))[-1].code

    assert play(scene) == "gone"


def test_what_comes_beyond_the_queue_is_refused_at_once(play):
    async def scene(router):
        waiting = [asyncio.create_task(all_of(router.quick, "silent")) for _ in range(2)]
        await asyncio.sleep(0.05)
        [refused] = await all_of(router.quick, "silent")
        router.close()
        return refused, [(await each)[-1].message for each in waiting]

    refused, closed = play(scene)
    assert (refused.code, refused.message) == ("busy", FULL.format(waiting="2 requests wait"))
    assert closed == [CLOSING, CLOSING]


def test_what_the_process_has_room_for_is_sent_to_it(stage):
    quick, patient = lanes_of(Settings(("poem",), rows=5, queue=2, hard=3), stage)
    assert [(lane.most, lane.room) for lane in (quick, patient)] == [(2, 5), (3, 1)]


def test_the_room_is_no_part_of_the_queue(play):
    async def scene(router):
        router.quick.room = 1
        waiting = [asyncio.create_task(all_of(router.quick, "silent")) for _ in range(4)]
        await asyncio.sleep(0.05)
        router.close()
        return [(await each)[-1].code for each in waiting]

    assert play(scene) == ["gone", "gone", "gone", "busy"]


def test_wishes_that_were_taken_up_no_longer_fill_the_queue(play):
    async def scene(router):
        running = [asyncio.create_task(all_of(router.quick, "slow")) for _ in range(5)]
        await asyncio.sleep(0.05)
        found = await all_of(router.quick, "easy")
        router.close()
        return found[-1], await asyncio.gather(*running)

    assert isinstance(play(scene)[0], Over)


def test_a_model_that_could_not_be_loaded_is_told(play, stage):
    stage.how = {"problems": ("There is no such model.",)}

    async def scene(router):
        await router.quick.ready.wait()
        return router.quick.problem

    assert play(scene) == "There is no such model."


def test_a_process_that_keeps_silent_beyond_the_time_is_ended(play, stage, monkeypatch, eventually):
    monkeypatch.setattr(lanes, "STUCK", 0.05)

    async def scene(router):
        killed = []
        stage.processes[0].kill = lambda: killed.append(1)
        [*_, last] = await all_of(router.quick, "silent", 0.2)
        assert (last.code, killed) == ("timeout", [])
        await asyncio.to_thread(eventually, lambda: killed == [1])

    play(scene)
