import os

import pytest
import torch
from torch import nn

from gen_engine.errors import GenError
from gen_trainkit.checkpoints import (
    Checkpoint,
    gather_state,
    newest_checkpoint,
    read_checkpoint,
    restore_state,
    write_checkpoint,
)
from gen_trainkit.optimizers import build_optimizers


def write(folder, step=1):
    return write_checkpoint(folder, Checkpoint({"a": torch.arange(3.0)}, {"step": step}))


def test_what_is_written_is_read(tmp_path):
    checkpoint = read_checkpoint(write(tmp_path))
    assert checkpoint.tensors["a"].tolist() == [0, 1, 2]
    assert checkpoint.values == {"step": 1}


@pytest.mark.parametrize("name", ["state.safetensors", "manifest.json", "another"])
def test_a_pipe_in_one_is_not_waited_for(tmp_path, name):
    place = write(tmp_path) / name
    place.unlink(missing_ok=True)
    os.mkfifo(place)
    with pytest.raises(GenError, match=f"{name} is a pipe"):
        read_checkpoint(place.parent)


def test_only_the_newest_is_kept(tmp_path):
    write(tmp_path, 9)
    newest = write(tmp_path, 10)
    assert [newest] == list(tmp_path.iterdir())
    assert newest_checkpoint(tmp_path) == newest


def test_one_still_being_written_does_not_count(tmp_path):
    (tmp_path / ".writing-step-00000005").mkdir(parents=True)
    assert newest_checkpoint(tmp_path) is None
    assert newest_checkpoint(tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", ["state.safetensors", "manifest.json"])
@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: b"", lambda data: data.replace(b"a", b"b")])
def test_a_damaged_one_is_refused(tmp_path, name, damage):
    path = write(tmp_path)
    (path / name).write_bytes(damage((path / name).read_bytes()))
    with pytest.raises(GenError, match="is damaged. Remove that folder"):
        read_checkpoint(path)


def run_a_step(model, optimizers):
    model.zero_grad()
    model(torch.rand(3, 4)).square().sum().backward()
    for optimizer in optimizers:
        optimizer.step()


def pair(width=4):
    model = nn.Linear(width, width)
    return model, build_optimizers(model, "muon", rate=1e-2, matrix_rate=1e-2, weight_decay=0.1)


def test_restored_state_goes_on_to_the_same_weights():
    model, optimizers = pair()
    run_a_step(model, optimizers)
    state = {name: tensor.clone() for name, tensor in gather_state(model, optimizers, []).items()}
    run_a_step(model, optimizers)
    other, others = pair()
    restore_state(state, other, others, [])
    run_a_step(other, others)
    assert torch.equal(other.weight, model.weight)
    assert torch.equal(other.bias, model.bias)


def test_state_of_other_sizes_is_refused():
    state = gather_state(*pair(), [])
    with pytest.raises(GenError, match="model of other sizes. Give the options"):
        restore_state(state, *pair(5), [])


DAMAGED_STATES = {
    "a weight is missing": lambda state: state.pop("model.1"),
    "a moment is missing": lambda state: [state.pop(name) for name in list(state) if name.startswith("optimizer.1.0")],
    "a weight of a shape that would be stretched": lambda state: state.update({"model.0": torch.ones(1, 4)}),
    "a moment of another shape": lambda state: state.update({"optimizer.1.0.exp_avg": torch.ones(9)}),
    "one weight too many": lambda state: state.update({"model.7": torch.ones(1)}),
    "no random state": lambda state: state.pop("random"),
    "a weight is no number": lambda state: state.update({"model.0": torch.full((4, 4), float("nan"))}),
}


@pytest.mark.parametrize("damage", DAMAGED_STATES)
def test_a_misfitting_state_is_refused_and_never_half_loaded(damage):
    model, optimizers = pair()
    run_a_step(model, optimizers)
    state = gather_state(model, optimizers, [])
    DAMAGED_STATES[damage](state)
    other, others = pair()
    before = [parameter.clone() for parameter in other.parameters()]
    with pytest.raises(GenError, match="of other sizes. Give the options|no numbers. Start again"):
        restore_state(state, other, others, [])
    assert all(torch.equal(one, now) for one, now in zip(before, other.parameters(), strict=True))


def test_a_value_edited_in_the_manifest_is_noticed(tmp_path):
    path = write(tmp_path) / "manifest.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"step": 1', '"step": 2'), encoding="utf-8")
    with pytest.raises(GenError, match="is damaged"):
        read_checkpoint(path.parent)
