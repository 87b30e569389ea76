"""Lines that are answered on a Ray cluster of this machine."""

import json
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from batch_lines import PLAN, lines_of, of, short

from gen_batch import ray_cluster
from gen_batch.works import work_of
from gen_engine.errors import GenError

REASON = "ray is not installed: pip install gen-engine-batch[ray]"
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason=REASON)

pytestmark = pytest.mark.filterwarnings("ignore")  # of what Ray itself uses, and leaves open


def test_ray_that_is_not_installed_is_told_with_its_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(GenError, match=r"Ray is not installed; pip install 'gen-engine-batch\[ray\]' installs it"):
        work_of(PLAN, engine="ray")


@needs_ray
@pytest.mark.parametrize(
    "address, told",
    [
        ("127.0.0.1:1", "No Ray cluster answers at 127.0.0.1:1"), ("here", "The address here is none"),
        ("127.0.0.1:99999", "The address 127.0.0.1:99999 is none"),
    ],
)  # fmt: skip
def test_an_address_where_nothing_answers_is_told_at_once(address, told):
    with pytest.raises(GenError, match=told):
        work_of(PLAN, engine="ray", address=address)


@needs_ray
def test_an_actor_answers_a_block_or_says_why_not(monkeypatch, tmp_path):
    monkeypatch.setattr("ray.get", lambda found: found)
    block = ray_cluster.table_of((line.index, pickle.dumps(line)) for line in lines_of(short(model="none"), {}))
    counter = _Counter()
    found = ray_cluster.Actor(PLAN, counter, 1)(block)
    assert [pickle.loads(each).index for each in found["packed"].to_pylist()] == found["index"].to_pylist() == [0, 1]
    broken = ray_cluster.table_of((0, pickle.dumps(line)) for line in lines_of(short(model=tmp_path.name)))
    found = ray_cluster.Actor(of(models=(str(tmp_path),)), counter, 1)(broken)
    assert found["index"].to_pylist() == [ray_cluster.BROKEN]
    counter.count = ray_cluster.TRIES + 1
    assert ray_cluster.Actor(PLAN, counter, 1)(block).num_rows == 0


class _Counter:
    count = 1

    @property
    def begin(self):
        return self

    def remote(self, run, block):
        return self.count


def test_what_is_begun_is_counted_for_each_run():
    counter = ray_cluster.Counter()
    assert [counter.begin(1, 0), counter.begin(1, 5), counter.begin(1, 0), counter.begin(2, 0)] == [1, 1, 2, 1]


@needs_ray
@pytest.mark.slow
def test_two_thousand_lines_outlast_the_death_of_an_actor():
    script = Path(__file__).parent / "support" / "ray_batch.py"
    done = subprocess.run([sys.executable, script, "2000"], stdout=subprocess.PIPE, text=True, check=True)
    assert json.loads(done.stdout) == {"lines": 2000, "answers": 2000, "killed": 1, "are_equal": True}
