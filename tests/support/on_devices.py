"""Engines whose decoding goes the way of an accelerator, on the CPU; and what would make a host wait for one."""

import sys

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from gen_engine.decoding import device_choices, device_draws
from gen_engine.engine import Engine
from gen_engine.shapers import shaping, truncation
from gen_engine.testing.models import TableModel


class OnDevice(TableModel):
    """A table model that says its logits are on a device."""

    on_device = True


def go_afar(monkeypatch):
    """From here on built-in shapers take the ways of an accelerator."""
    for module in (shaping, truncation):
        monkeypatch.setattr(module, "is_afar", lambda values: True)


def device_engine(engine, monkeypatch):
    """The same engine, with its logits on a device; built-in shapers take the ways of an accelerator."""
    go_afar(monkeypatch)
    model = engine.model
    return Engine(OnDevice(**{name: getattr(model, name) for name in ("tokenizer", "table", "order", "salt", "shape")}))


class Waits(TorchDispatchMode):
    """Counts what makes the host wait for a device outside `to_host`: numbers read, sizes that depend on numbers."""

    WAITING = ("item", "_local_scalar_dense", "nonzero", "masked_select", "unique", "equal", "is_nonzero")

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        flags = [one for one in args[1] if one is not None] if name in ("index", "index_put", "index_put_") else []
        if name in self.WAITING or any(one.dtype in (torch.bool, torch.uint8) for one in flags):
            self.seen.append(f"{name} at {_where()}")
        return function(*args, **(kwargs or {}))


def _where():
    """The line of the engine that is running."""
    frame = sys._getframe()
    while frame is not None and "/gen_engine/" not in frame.f_code.co_filename:
        frame = frame.f_back
    return "nowhere" if frame is None else f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"


def counting_copies(monkeypatch):
    """The shapes of what is copied to the host from now on."""
    copies, copy = [], device_draws.to_host

    def counted(tensor):
        copies.append(tuple(tensor.shape))
        return copy(tensor)

    for module in (device_draws, device_choices):
        monkeypatch.setattr(module, "to_host", counted)
    return copies
