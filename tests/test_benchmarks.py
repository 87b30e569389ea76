"""What of the benchmarks needs no clock: turns, ratios, floors, goals, tables, pictures; and that peers do the work."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
import zoo
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import gen_engine as gen
from benchmarks import baseline, general, pace
from benchmarks.beside import contestants, floor, lengths, memory, show, turns
from benchmarks.beside.compare import Outcome, Run
from benchmarks.beside.works import FP32, INT8, LARGE, LOOP, PEERS, QUICK, SMALL, WORKS, Work, mixed_requests
from benchmarks.measure import Figure
from benchmarks.random_model import write_random_model
from gen_engine.hooks.registry import registry

SPEEDS = st.floats(0.01, 1000)
GPT2_SMALL = {"n_layer": 12, "n_embd": 768, "n_inner": None, "vocab_size": 20_906, "n_positions": 1024}
FREE_WORK = Work(LARGE, "free", 2, 9)
VERSE_WORK = Work(LARGE, "verse", 2, 23)


# ------------------------------------------------------------------------------------------------------------ turns


def take(count, rounds, fails=()):
    """Turns that note who had one; those of `fails` have one only."""
    seen = []

    def turn(name):
        if name in fails and name in seen:
            raise turns.LeftOutError("broken")
        seen.append(name)
        return float(len(seen))

    names = "abcdefgh"[:count]
    calls = {name: lambda name=name: turn(name) for name in names}
    return *turns.take_turns(calls, rounds, rest=0), seen


def test_each_round_begins_with_another_contestant():
    *_, seen = take(3, 4)
    assert "".join(seen) == "abcbcacababc"


@given(st.integers(1, 8), st.integers(1, 9))
def test_in_every_round_everyone_has_one_turn(count, rounds):
    found, left_out, seen = take(count, rounds)
    assert left_out == {}
    assert all(sorted(seen[i * count : (i + 1) * count]) == sorted(found) for i in range(rounds))
    assert {len(times) for times in found.values()} == {rounds}


def test_where_the_time_is_up_there_is_one_round():
    times, _ = turns.take_turns({"a": lambda: 1.0, "b": lambda: 2.0}, 5, rest=0, until=0)
    assert times == {"a": [1.0], "b": [2.0]}


def test_who_fails_is_left_out_and_the_others_go_on():
    found, left_out, _ = take(3, 4, fails="b")
    assert left_out == {"b": "broken"}
    assert {name: len(times) for name, times in found.items()} == {"a": 4, "c": 4}


@given(st.floats(1e-9, 100))
def test_a_turn_is_long_enough_or_a_hundred_times(once):
    times = turns.times_a_turn(once)
    assert times == 100 or times * once >= turns.LEAST
    assert times == 1 or (times - 1) * once < turns.LEAST


def test_slow_works_have_five_rounds_others_all():
    assert turns.rounds_for([1, 2], 9) == 9
    assert turns.rounds_for([9, 2], 9) == turns.FEW == 5
    assert turns.rounds_for([9, 2], 3) == 3


# ------------------------------------------------------------------------------------------------ ratios and goals


def test_a_ratio_is_the_median_of_the_rounds_own():
    outcome = Outcome(WORKS[0], {"auto": [1, 10, 2], FP32: [3, 20, 2]})
    assert outcome.ratio("auto", FP32) == 2  # of 3, 2, 1; the medians alone would say 1.5
    assert outcome.median(FP32) == 3


@given(SPEEDS, SPEEDS)
def test_a_paired_ratio_counts_before_the_times(ours, ratio):
    figure = Figure("x", "ms", ours, 1.0, times_faster=2, paired=ratio)
    assert figure.ratio == ratio
    assert figure.is_met == (ratio >= 2)


@given(SPEEDS, SPEEDS)
def test_a_ratio_that_lost_over_15_percent_has_fallen(before, now):
    recorded = {"figures": [{"name": "x", "ratio": before, "ours": 1.0}]}
    figure = Figure("x", "ms", 1.0, now)
    assert (baseline.fallen([figure], recorded) == [(figure, before)]) == (now < 0.85 * before)


def test_times_alone_and_new_figures_never_fall():
    recorded = {"figures": [{"name": "x", "ratio": None, "ours": 1.0}]}
    assert baseline.fallen([Figure("x", "s", 9.0), Figure("y", "s", 9.0, 1.0)], recorded) == []


def test_a_record_keeps_old_figures_of_the_same_machine_only():
    old = {"machine": {"cores": 2}, "figures": [{"name": "a", "ours": 1}, {"name": "b", "ours": 1}]}
    new = {"machine": {"cores": 2}, "figures": [{"name": "b", "ours": 2}]}
    assert baseline.merged(old, new)["figures"] == [{"name": "b", "ours": 2}, {"name": "a", "ours": 1}]
    assert baseline.merged({**old, "machine": {"cores": 4}}, new)["figures"] == new["figures"]


def test_the_recorded_baseline_can_be_read_and_compared():
    recorded = baseline.read_baseline()
    figures = [Figure(each["name"], each["unit"], each["ours"], each["peer"]) for each in recorded["figures"]]
    assert baseline.fallen(figures, recorded) == []
    assert len(baseline.fallen([replace(each, ours=2 * each.ours) for each in figures], recorded)) > 20


def test_the_machine_is_told_without_names_and_places():
    found = baseline.machine()
    assert found["cores"] >= 1
    assert found["gen-engine"]
    assert "/" not in json.dumps(found)
    assert baseline.differs({"machine": {**found, "cores": 0}}, found) == ["cores"]


def test_without_amx_goals_are_a_third_and_a_half_less():
    assert [work.goal(FP32, amx=True) for work in WORKS[:3]] == [9, 12, 14]
    assert [work.goal(FP32, amx=False) for work in WORKS[:3]] == [9, 8, 7]
    assert WORKS[0].goal(LOOP, amx=True) is None


def test_every_work_has_peers_and_a_name_that_fits():
    assert all(work.peers() and len(work.name) <= 23 for work in WORKS)
    assert {peer for work in WORKS for peer in work.peers()} == set(PEERS)
    assert all(work in WORKS for work in QUICK)


def test_mixed_requests_are_64_of_many_lengths():
    requests = mixed_requests()
    assert len(set(requests)) == len(requests) == 64
    assert len({request.new for request in requests}) > 8
    assert max(request.new for request in requests) <= 64


# ----------------------------------------------------------------------------------------------- floor and lengths


def test_the_large_model_multiplies_101_million_weights():
    assert floor.linear_weights(GPT2_SMALL) == 12 * 12 * 768 * 768 + 20_906 * 768 == 100_990_464


@given(st.integers(1, 10**9), st.floats(1e8, 1e12), st.floats(1e8, 1e12))
def test_the_floor_is_reading_once_at_the_best_rate(weights, one, other):
    least = floor.floor_seconds(weights, one, other)
    assert least == min(weights / one, weights / other)
    assert floor.floor_seconds(2 * weights, one) == pytest.approx(2 * floor.floor_seconds(weights, one))


def test_a_plain_read_has_a_rate_and_a_way():
    rate, way = floor.best_rate(1 << 20, tries=1)
    assert 1e8 < rate < 1e13
    assert way in {*floor.WAYS, *floor.TORCH}


@pytest.mark.parametrize("place", [0, 31, 63])
@pytest.mark.parametrize("way", [*floor.WAYS, *floor.TORCH])
def test_every_way_reads_the_first_bytes_and_the_last(way, place):
    read = floor.WAYS.get(way) or floor.TORCH[way]
    make = np.asarray if way in floor.WAYS else torch.from_numpy
    part = np.ones(64)
    before = read(make(part))
    part.view(np.uint64)[place] = 0x7FFF_80FF_FFFF_7FFF  # not a number, negative in parts, largest in others
    assert before != read(make(part))


def test_the_buffer_beyond_the_caches_is_larger_than_they():
    assert floor.last_cache() > 0
    assert floor.beyond_caches(32 << 20) == 128 << 20
    assert floor.beyond_caches(1 << 40) == floor.LARGEST


@given(st.floats(0.1, 10), st.floats(0, 0.1))
def test_linear_growth_lies_on_its_line(start, slope):
    end, line = lengths.beside_straight_line([start + slope * place for place in range(1535)], 1024)
    assert end == pytest.approx(line)


def test_growth_beyond_linear_rises_above_the_line():
    end, line = lengths.beside_straight_line([1 + place**2 / 1e5 for place in range(1535)], 1024)
    assert end > 1.3 * line


def test_costs_that_fall_do_not_lower_the_line():
    end, line = lengths.beside_straight_line([2 - place / 1000 for place in range(512)] + [1.5] * 1023, 1024)
    assert line > end == 1.5


def test_the_plateau_counts_reading_again_and_ends_with_it():
    steps = [2.0] * 1023 + [100.0] + [1.0] * 511
    assert len(steps) == lengths.last_length(1024) - 1
    assert lengths.plateau(steps, 1024) == (pytest.approx((100 + 511) / 512), 2.0)


def test_points_are_means_of_whole_buckets():
    assert lengths.points([1.0] * 32 + [3.0] * 32 + [9.0]) == [(16, 1.0), (48, 3.0)]


# ------------------------------------------------------------------------------------------------ tables, pictures


@pytest.fixture
def run(tmp_path):
    """A run of made-up times."""
    for model in (LARGE, SMALL):
        (tmp_path / model).mkdir()
        (tmp_path / model / "config.json").write_text(json.dumps(GPT2_SMALL))
    made = Run({model: tmp_path / model for model in (LARGE, SMALL)}, ["auto", "bfloat16"], PEERS, 5, False, print)
    made.dtypes = {"auto": {LARGE: "int8", SMALL: "int8"}, "bfloat16": {LARGE: "bfloat16", SMALL: "bfloat16"}}
    made.rates = dict.fromkeys(("memory", LARGE, SMALL), (5e10, "a way"))
    made.outcomes = [
        Outcome(work, {name: [1234.5, 12.345, 123.45] for name in (*made.ours, *work.peers())}) for work in WORKS
    ]
    made.series = {"102 M, auto": [(16, 1.0), (48, 2.0)]}
    return made


def test_the_table_of_times_has_80_columns_and_all_works(run, capsys):
    Console(width=80).print(show.times_table(run))
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed
    assert [work.name for work in WORKS if work.name not in printed] == []


def test_the_floor_stands_in_milliseconds(run):
    assert run.floor_of(LARGE) == pytest.approx(1000 * 100_990_464 / 5e10)


def test_only_the_first_of_ours_has_goals(run):
    figures = list(run.figures(run.outcomes[0]))
    assert {figure.name for figure in figures if figure.goal} == {
        f"{WORKS[0].name}: auto beside {peer}" for peer in (FP32, INT8)
    }
    assert len(figures) == 2 * len(PEERS)


def test_the_picture_of_ratios_names_works_and_peers(run, tmp_path):
    show.draw_ratios(run.outcomes, "auto", tmp_path / "ratios.svg")
    root = ElementTree.parse(tmp_path / "ratios.svg").getroot()
    assert root.tag.endswith("svg")
    text = (tmp_path / "ratios.svg").read_text(encoding="utf-8")
    assert [name for name in [*PEERS, *(work.name for work in WORKS)] if name not in text] == []


def test_the_picture_of_lengths_is_drawn(run, tmp_path):
    show.draw_lengths(run, 1024, tmp_path / "lengths.svg")
    assert "1,024" in (tmp_path / "lengths.svg").read_text(encoding="utf-8")


def test_nothing_is_drawn_where_nothing_was_compared(tmp_path):
    show.draw_ratios([Outcome(WORKS[0], {"auto": [1.0]})], "auto", tmp_path / "ratios.svg")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------ the contestants


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny GPT-2."""
    made = tmp_path_factory.mktemp("tiny")
    write_random_model(made, layers=1, width=32, heads=2, vocabulary=300, positions=64)
    return made


def texts(contestant, rows):
    """Rows of tokens as texts, special tokens as _."""
    known = contestant.tokenizer.vocabulary.texts
    return ["".join(known[token] or "_" for token in row) for row in rows.tolist()]


def test_weights_are_counted_as_transformers_counts_them(folder):
    config = json.loads((folder / "config.json").read_text())
    peer = contestants.load_peer(folder, "float32")
    assert memory.weight_count(config) == peer.num_parameters()
    kept = memory.must_keep(config, "int8", 3, 10)
    assert kept == peer.num_parameters() + 4 * 3 * 10 * 2 * 32


def test_the_tutorial_loop_writes_marks_where_the_form_has_them(folder):
    peer = contestants.make_contestant(LOOP)
    peer.open(folder)
    for text in texts(peer, peer.writing(VERSE_WORK)()):
        assert [text[place] for place in (6, 12, 18, 24)] == [*"，。，。"]
        assert sum(mark in "，。" for mark in text) == 4
    assert peer.writing(FREE_WORK)().shape == (2, 2 + 9)


@pytest.mark.parametrize("work", [VERSE_WORK, FREE_WORK], ids=lambda work: work.kind)
def test_generate_writes_the_pattern_of_a_work(folder, work):
    peer = contestants.make_contestant(FP32)
    peer.open(folder)
    written = texts(peer, peer.writing(work)())
    assert {len(text) for text in written} == {2 + work.new}
    assert all("_" not in text[1:] for text in written)
    assert work.kind == "free" or all(text[6::6] == "，。，。" for text in written)


def test_a_padded_batch_gives_every_request_its_own_form(folder):
    peer = contestants.make_contestant(FP32)
    peer.open(folder)
    vocabulary = peer.tokenizer.vocabulary
    start, char = peer.tokenizer.encode("白").tokens
    requests = [((start, char), "汉，"), ((start,), "任任任任"), ((start, char, char), "汉。")]
    batch = contestants.PaddedBatch(peer.model, requests, vocabulary, vocabulary.end)
    first, second, third = (text[3:].rstrip("_") for text in texts(peer, batch.write()))
    assert (len(first), first[1], len(second), len(third), third[1]) == (2, "，", 4, 2, "。")


def test_ctranslate2_writes_as_many_tokens_as_asked(folder):
    pytest.importorskip("ctranslate2", reason="an extra of the benchmarks")
    peer = contestants.make_contestant(INT8)
    assert peer.open(folder)["dtype"].startswith("int8")
    assert [len(each.sequences_ids[0]) for each in peer.writing(FREE_WORK)()] == [9, 9]


def test_a_process_of_its_own_answers_and_fails_alone(folder):
    process = turns.Process("float32")
    try:
        assert process.ask("open", folder=str(folder))["dtype"] == "float32"
        assert process.ask("prepare", work={"model": LARGE, "kind": "free", "rows": 2, "new": 9})["seconds"] > 0
        with pytest.raises(turns.LeftOutError, match="nowhere"):
            process.ask("open", folder="nowhere")
        with pytest.raises(turns.LeftOutError, match="nowhere"):
            process.ask("write", times=1)
    finally:
        process.close()


def test_memory_counts_from_before_a_model_is_loaded(folder):
    process = turns.Process("float32")
    try:
        work = {"model": LARGE, "kind": "free", "rows": 2, "new": 9}
        grown = process.ask("memory", first=str(folder), folder=str(folder), work=work)
    finally:
        process.close()
    assert grown.pop("dtype") == "float32"
    assert grown == {} or 0 <= grown["loading"] < 200e6 > grown["writing"] >= 0


def test_steps_of_a_growing_text_are_timed_beyond_the_window(folder):
    model = gen.load(str(folder), dtype="float32").model
    last = lengths.last_length(64)
    assert len(lengths.time_steps(model, last)) == last - 1 == 95


@pytest.mark.parametrize("work", [work for work in WORKS if work.model == SMALL], ids=lambda work: work.name)
def test_ours_does_every_work(work):
    ours = contestants.make_contestant("float32")
    ours.open(Path(registry().find("model", SMALL).value.folder))
    ours.writing(replace(work, rows=min(work.rows, 2)))()


def test_the_pace_of_training_is_measured_on_a_device():
    done = CliRunner().invoke(pace.main, ["--quick", "--device=cpu", "--steps=1"], catch_exceptions=False)
    first, *rows = done.output.splitlines()
    assert first.startswith("cpu, torch ")
    assert [row.split(":")[0] for row in rows] == ["gpt2", "classifier"]
    assert all(re.search(r"fp32: [\d,]+ tokens/s$", row) for row in rows)


def test_a_model_folder_is_timed_beside_generate():
    folder, wishes = str(zoo.made("llama")), ["--rows", "1", "--rows", "3", "--new", "2", "--rounds", "1"]
    result = CliRunner().invoke(general.main, [folder, *wishes], catch_exceptions=False)
    assert [line.split(":")[0] for line in result.output.splitlines()] == ["1 row", "3 rows"]
    assert result.output.count(" ms") == 6
