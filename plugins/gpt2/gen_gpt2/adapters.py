"""Low-rank adapters (LoRA, Hu et al. 2021, arXiv:2106.09685): trained beside frozen weights, and merged at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from transformers import GPT2LMHeadModel

from gen_engine.errors import GenError, quoted
from gen_trainkit.devices import copy_on_cpu


@dataclass(frozen=True)
class Adapters:
    """Adapters of rank `lora` (0: none), scaled by `lora_alpha` / `lora`, beside the layers named by `lora_targets`."""

    lora: int = 0
    lora_alpha: float | None = None  # None: twice the rank
    lora_targets: str = "c_attn"

    @property
    def targets(self) -> list[str]:
        """The names, or ends of names, of the adapted layers."""
        return [name.strip() for name in self.lora_targets.split(",") if name.strip()]


def add_adapters(model: GPT2LMHeadModel, wanted: Adapters) -> None:
    """Put fresh adapters into `model`, which computes the same as before, and freeze everything else.

    Raises GenError if peft is missing or a target is no linear layer of the model.
    """
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise GenError("--lora needs peft. Install it by `pip install 'gen-engine-gpt2[lora]'`.") from error
    names = [name for name, module in model.named_modules() if type(module).__name__ == "Conv1D"]
    for target in wanted.targets or [""]:
        if not any(name == target or name.endswith(f".{target}") for name in names):
            there = ", ".join(sorted({name.split(".", 3)[-1] for name in names}))
            raise GenError(f"--lora-targets {quoted(target)} is no linear layer of this model. Choose of {there}.")
    if wanted.lora > model.config.n_embd:
        raise GenError(f"--lora {wanted.lora} is more than the model is wide. Give at most {model.config.n_embd}.")
    alpha = 2 * wanted.lora if wanted.lora_alpha is None else wanted.lora_alpha
    settings = LoraConfig(
        r=wanted.lora, lora_alpha=alpha, target_modules=wanted.targets, fan_in_fan_out=True, lora_dropout=0.0
    )
    inject_adapter_in_model(settings, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)


def merge_adapters(model: GPT2LMHeadModel) -> GPT2LMHeadModel:
    """A copy of `model` with its adapters merged into plain weights, which any program loads; `model` is not
    changed."""
    from peft.tuners.lora import LoraLayer

    merged = copy_on_cpu(model)
    adapted: list[tuple[str, Any]] = [each for each in merged.named_modules() if isinstance(each[1], LoraLayer)]
    for name, module in adapted:
        module.merge()
        holder, _, last = name.rpartition(".")
        setattr(merged.get_submodule(holder), last, module.get_base_layer())
    return merged
