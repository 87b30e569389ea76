"""Several processes started by torchrun as one run: they share the batches and add up their results."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from gen_engine.errors import GenError
from gen_trainkit.ranks import process_count, process_rank

PATIENCE = timedelta(hours=1)  # work of one process alone, such as measuring, may take long


@dataclass(frozen=True)
class Group:
    """The processes of a run: this one is number `rank` of `size`. All processes must make the same calls."""

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace each of `tensors`, which have one dtype, by its sum over all processes."""
        if self.size > 1:
            flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
            _together(lambda: dist.all_reduce(flat))
            sizes = [tensor.numel() for tensor in tensors]
            for tensor, part in zip(tensors, flat.split(sizes), strict=True):
                tensor.copy_(part.view_as(tensor))

    def highest(self, number: int) -> int:
        """The highest `number` of all processes."""
        if self.size == 1:
            return number
        told = torch.tensor(number)
        _together(lambda: dist.all_reduce(told, dist.ReduceOp.MAX))
        return int(told)

    def first(self, make: Callable[[], Any]) -> Any:
        """Call `make` in the first process only, and return its result in all processes."""
        told = [make() if self.is_first else None]
        if self.size > 1:
            _together(lambda: dist.broadcast_object_list(told))
        return told[0]

    def collect(self, tensor: Tensor) -> list[Tensor]:
        """The `tensor` of every process, in order."""
        if self.size == 1:
            return [tensor]
        all_of_them = [torch.empty_like(tensor) for _ in range(self.size)]
        _together(lambda: dist.all_gather(all_of_them, tensor))
        return all_of_them

    @torch.no_grad()
    def equalise(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite `tensors` with those of the first process."""
        for tensor in tensors if self.size > 1 else ():
            whole = tensor.detach().contiguous()
            _together(lambda whole=whole: dist.broadcast(whole, 0))  # type: ignore[misc]
            tensor.copy_(whole)


def join_group(device: torch.device | None = None) -> Group:
    """The group of processes that torchrun started; without torchrun, this process alone.

    They exchange what lies on the CPU over gloo and, if `device` is one of CUDA, what lies there over nccl.
    """
    if process_count() == 1:
        return Group()
    if not dist.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if device is not None and device.type == "cuda" else "gloo"
        _together(lambda: dist.init_process_group(backend, timeout=PATIENCE))
        atexit.register(_leave)
    return Group(process_rank(), process_count())


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def _together(act: Callable[[], Any]) -> None:
    """Run a collective operation; raises GenError if one of the processes is gone."""
    try:
        act()
    except torch.OutOfMemoryError:
        raise  # a RuntimeError, too
    except (RuntimeError, ValueError) as error:
        raise GenError(
            f"Process {process_rank()} of {process_count()} lost touch with the others"
            f" ({str(error).splitlines()[0][:100]}). See what they say, then go on with --resume."
        ) from error


def seed_process(seed: int, rank: int) -> None:
    """Give every process its own randomness; the first one has that of a single process."""
    torch.manual_seed((seed + rank * 0x9E3779B97F4A7C15) % 2**63 if rank else seed)


__all__ = ["Group", "join_group", "process_count", "process_rank", "seed_process"]
