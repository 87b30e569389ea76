"""The class has both interfaces of vLLM; where they changed it still loads, and refuses."""

# ruff: noqa: B027
import importlib.metadata
import inspect
import pickle
import subprocess
import sys
from abc import ABC, abstractmethod

import pytest
from stand_ins import asking

from gen_vllm.interfaces import RECORDED, differences, made_subclass
from gen_vllm.processor import Constraining, GenLogitsProcessor


class V1(ABC):
    @classmethod
    def validate_params(cls, sampling_params): ...

    @abstractmethod
    def __init__(self, vllm_config, device, is_pin_memory): ...

    @abstractmethod
    def apply(self, logits): ...

    @abstractmethod
    def is_argmax_invariant(self): ...

    @abstractmethod
    def update_state(self, batch_update): ...


class V2(ABC):
    def __init__(self, vllm_config, req_states): ...

    @classmethod
    def validate_params(cls, sampling_params): ...

    def add_request(self, req_idx, sampling_params): ...

    def apply_staged_writes(self): ...

    @abstractmethod
    def apply(self, logits, ctx): ...


class Demanding(V1):
    @abstractmethod
    def rewind(self, logits, count): ...


class Renamed(V2):
    def add_request(self, slot, sampling_params): ...


@pytest.mark.parametrize("version", RECORDED)
def test_every_recorded_call_fits_our_methods(version):
    for method, parameters in RECORDED[version].items():
        inspect.signature(getattr(Constraining, method)).bind(
            *([] if method == "validate_params" else [None]), *parameters
        )


def test_one_class_has_both_interfaces():
    made = made_subclass("Both", Constraining, {"V1": V1, "V2": V2})
    assert issubclass(made, V1)
    assert issubclass(made, V2)
    assert made.unlike == ""
    assert made(None, "cpu", False).is_argmax_invariant() is made(None, object()).is_argmax_invariant() is False


@pytest.mark.parametrize(
    "found, told",
    [
        ({"V1": Demanding, "V2": V2}, "rewind of V1"),
        ({"V1": V1, "V2": Renamed}, "add_request of V2"),
        ({"V1": V1, "vllm.new": V2}, "an interface in vllm.new"),
    ],
)
def test_a_changed_interface_loads_and_refuses(found, told):
    made = made_subclass("Changed", Constraining, found)
    processor = made(None, "cpu", False)
    assert all(issubclass(made, each) for each in found.values())
    assert not processor.add_request(0, asking("length=3"))
    assert list(differences(found)) == [told]
    with pytest.raises(ValueError, match=f"this version of vLLM \\({told}\\)"):
        made.validate_params(asking("length=3"))


def test_an_unknown_method_passes_on_what_it_is_given():
    processor = made_subclass("Changed", Constraining, {"V1": Demanding})(None, "cpu", False)
    assert processor.rewind([1], 2) == [1]


def test_the_class_is_found_by_its_name():
    assert pickle.loads(pickle.dumps(GenLogitsProcessor)) is GenLogitsProcessor
    (entry,) = [each for each in importlib.metadata.entry_points(group="vllm.logits_processors") if each.name == "gen"]
    assert entry.load() is GenLogitsProcessor


def test_loading_the_class_imports_nothing_heavy():
    code = "import sys, gen_vllm.processor; print({'torch', 'numpy', 'transformers', 'vllm'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"
