"""vLLM's two interfaces of logits processors as they were in version 0.33, and one class that has both.

vLLM loads installed processors whenever it starts. It does not start if a class is no subclass of the interface of its
model runner, or if it lacks a method. So the class is made of whatever interfaces are found. Where one of them is not
as recorded here, the class still loads and does nothing, and requests for it are refused.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from types import new_class
from typing import Any

ADDRESSES = {"V1": "vllm.v1.sample.logits_processor", "V2": "vllm.v1.worker.gpu.sample.logits_processor"}
"""Where the model runners have their interface, a class `LogitsProcessor`."""

RECORDED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "V1": {
        "__init__": ("vllm_config", "device", "is_pin_memory"),
        "validate_params": ("sampling_params",),
        "update_state": ("batch_update",),
        "apply": ("logits",),
        "is_argmax_invariant": (),
    },
    "V2": {
        "__init__": ("vllm_config", "req_states"),
        "validate_params": ("sampling_params",),
        "add_request": ("req_idx", "sampling_params"),
        "apply_staged_writes": (),
        "apply": ("logits", "ctx"),
    },
}
"""The methods of each interface, with their parameters."""


def found_interfaces() -> dict[str, type]:
    """vLLM's interfaces by their version; those that stand elsewhere than in 0.33, by their module."""
    if "vllm" not in sys.modules and find_spec("vllm") is None:
        return {}
    found: dict[str, type] = {}
    for version, address in ADDRESSES.items():
        try:
            found[version] = importlib.import_module(address).LogitsProcessor
        except (ImportError, AttributeError, RuntimeError, OSError):  # another version, or a library of it is missing
            continue
    for name, module in sorted(sys.modules.items()):
        moved = getattr(module, "LogitsProcessor", None) if name.startswith("vllm.") else None
        if inspect.isclass(moved) and "apply" in getattr(moved, "__abstractmethods__", ()):
            found.setdefault(name, moved) if moved not in found.values() else None
    return found


def differences(interfaces: Mapping[str, type]) -> Iterator[str]:
    """In words, what of these interfaces is not as recorded."""
    for version, interface in interfaces.items():
        recorded = RECORDED.get(version)
        if recorded is None:
            yield f"an interface in {version}"
            continue
        for method, parameters in recorded.items():
            if _parameters(interface, method) != parameters:
                yield f"{method} of {version}"
        for method in sorted(getattr(interface, "__abstractmethods__", frozenset()) - set(recorded)):
            yield f"{method} of {version}"


def _parameters(interface: type, method: str) -> tuple[str, ...] | None:
    """The parameters of a method, without the object that it is called on; None if there is none."""
    function = inspect.getattr_static(interface, method, None)
    if function is None:
        return None
    is_bound = isinstance(function, classmethod)
    names = tuple(inspect.signature(getattr(interface, method)).parameters)
    return names if is_bound else names[1:]


def made_subclass(name: str, plain: type, interfaces: Mapping[str, type]) -> type:
    """`plain` as a subclass of all these interfaces, called `name`; `unlike` says what of them is not as recorded.

    Methods that an interface demands and `plain` lacks return what they are given.
    """
    unlike = ", ".join(differences(interfaces))
    demanded = {name for each in interfaces.values() for name in getattr(each, "__abstractmethods__", ())}
    body: dict[str, Any] = {each: _passing_on for each in sorted(demanded) if not hasattr(plain, each)}
    body |= {"__module__": plain.__module__, "__qualname__": name, "__doc__": plain.__doc__, "unlike": unlike}
    return new_class(name, (plain, *interfaces.values()), exec_body=lambda namespace: namespace.update(body))


def _passing_on(self: object, *given: Any) -> Any:
    return given[0] if given else None
