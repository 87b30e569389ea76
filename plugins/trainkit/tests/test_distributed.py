"""Two real processes over gloo; what they run stands in `gloo_runs.py`."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gen_engine.errors import GenError
from gen_trainkit.distributed import Group, join_group, seed_process
from gen_trainkit.ranks import is_first, process_count, process_rank

SCRIPT = Path(__file__).parent / "support" / "gloo_runs.py"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What each of two processes found out."""
    folder, port = tmp_path_factory.mktemp("gloo"), str(free_port())
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen([sys.executable, SCRIPT, folder], env={**os.environ, **shared, "RANK": str(rank)})
        for rank in (0, 1)
    ]
    assert [process.wait() for process in both] == [0, 0]
    return [json.loads((folder / f"found-{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.parametrize("settings", ["adamw", "muon with means", "odd batches", "parallel"])
def test_two_processes_do_what_one_does_with_twice_the_batches(found, settings):
    assert max(each["differences"][settings] for each in found) < 2e-5


def test_all_processes_end_with_the_same_weights_and_figures(found):
    one, other = found
    assert one["weights"] == other["weights"]
    assert one["outcomes"] == other["outcomes"]


def test_dropout_differs_from_process_to_process(found):
    one, other = found
    assert one["first noise"] != other["first noise"]


def test_two_processes_stopped_by_one_signal_resume_to_equal_weights(found):
    for each in found:
        assert each["stopped"]["signal"] == 15
        assert each["stopped"]["step"] == 2
        assert each["resumed"]


def test_one_process_goes_on_where_two_stopped(found):
    assert found[0]["alone"] < 2e-5


def test_the_first_process_finds_the_tasks_figures_and_tells_all(found):
    assert [each["asked for figures"] for each in found] == [True, False]
    assert [each["outcomes"]["figures"]["own"] for each in found] == [7.0, 7.0]


def test_only_the_first_process_writes(found):
    assert [each["wrote"] for each in found] == [True, False]


def test_a_process_without_its_fellow_says_so_in_one_sentence(found):
    assert found[0]["alone in the group"].startswith("Process 0 of 2 lost touch with the others (")
    assert found[0]["alone in the group"].endswith("then go on with --resume.")


def test_without_torchrun_there_is_one_process(monkeypatch):
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert (process_count(), process_rank(), is_first(), join_group()) == (1, 0, True, Group())


def test_a_group_of_one_changes_nothing():
    numbers = torch.arange(3.0)
    Group().add([numbers])
    assert numbers.tolist() == [0, 1, 2]
    assert (Group().highest(5), Group().first(lambda: "a"), len(Group().collect(numbers))) == (5, "a", 1)


def test_the_first_process_has_the_randomness_of_a_process_alone():
    noise = []
    for rank in (0, 0, 1):
        seed_process(3, rank)
        noise.append(torch.rand(1).item())
    torch.manual_seed(3)
    assert noise[0] == noise[1] == torch.rand(1).item() != noise[2]


def test_a_group_that_cannot_meet_is_one_sentence(monkeypatch):
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(GenError, match="lost touch with the others"):
        join_group()
