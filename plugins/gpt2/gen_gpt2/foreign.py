"""A recipe of `gen convert` for the GPT that books build from scratch, as a language model or as a classifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gen_engine.errors import GenError
from gen_engine.models.conversion import base_config, label_settings
from gen_engine.models.state_dict import grouped
from gen_engine.models.tokenizer import marks_of
from gen_engine.types import Conversion, Recipe

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = re.compile(r"trf_blocks\.(\d+)\.(.+)")
PARTS = {
    "norm1.scale": "ln_1.weight",
    "norm1.shift": "ln_1.bias",
    "norm2.scale": "ln_2.weight",
    "norm2.shift": "ln_2.bias",
    "att.out_proj.weight": "attn.c_proj.weight",
    "att.out_proj.bias": "attn.c_proj.bias",
    "ff.layers.0.weight": "mlp.c_fc.weight",
    "ff.layers.0.bias": "mlp.c_fc.bias",
    "ff.layers.2.weight": "mlp.c_proj.weight",
    "ff.layers.2.bias": "mlp.c_proj.bias",
}
"""The names of a block's tensors in transformers' GPT-2, whose matrices are [in, out] instead of [out, in]."""

ENDS = {
    "tok_emb.weight": "wte.weight",
    "pos_emb.weight": "wpe.weight",
    "final_norm.scale": "ln_f.weight",
    "final_norm.shift": "ln_f.bias",
}
QUERIES = tuple(f"att.W_{part}" for part in ("query", "key", "value"))
HEADS = ("out_head.weight", "out_head.bias")


def book_gpt(
    *, heads: int | None = None, labels: tuple[str, ...] = (), threshold: float = 0.5, padded: int | None = None
) -> Recipe:
    """A GPT of `tok_emb`, `pos_emb`, `trf_blocks`, `final_norm`, `out_head`: a language model, or a classifier if
    out_head is small.

    Sizes are those of the tensors. `heads`, of attention, are the n_head of --base unless given. A classifier reads the
    last token. If it was trained on texts padded to `padded` tokens with the end token, `gen classify` pads them in the
    same way. A single output is the logit of the second of two labels, which is chosen from the probability `threshold`
    on.
    """

    def recipe(found: Mapping[str, Tensor], base: Path) -> Conversion:
        tensors = {name: tensor for name, tensor in found.items() if not name.endswith("att.mask")}
        body = _body(tensors)
        config = _config(body, base_config(base), heads, base)
        if len(tensors["out_head.weight"]) == len(tensors["tok_emb.weight"]):
            return _language_model(body, tensors, config)
        settings = label_settings(len(tensors["out_head.weight"]), labels, threshold)
        return _classifier(body, tensors, {**config, **settings}, padded)

    return recipe


def _body(found: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All but the head of the GPT in `found`, under transformers' names. GenError for tensors that do not fit."""
    layers = sorted({int(match[1]) for name in found if (match := BLOCK.match(name))})
    blocks = {f"trf_blocks.{layer}." for layer in layers}
    biases = {f"{block}{each}.bias" for block in blocks for each in QUERIES}  # there are none unless qkv_bias is set
    wanted = {*ENDS, HEADS[0], *(block + name for block in blocks for name in PARTS)}
    wanted |= {f"{block}{each}.weight" for block in blocks for each in QUERIES}
    lacking, strange = wanted - set(found), set(found) - wanted - biases - {HEADS[1]}
    if lacking or strange or layers != list(range(len(layers))):
        parts = [f"lacks {grouped(sorted(lacking))}"] * bool(lacking)
        parts += [f"has unexpected {grouped(sorted(strange))}"] * bool(strange)
        told = " and ".join(parts) or "has a gap between its blocks"
        raise GenError(f"The file {told}, so it is no such GPT; give names with --rename OLD=NEW, or another recipe.")
    tensors = {f"transformer.{new}": found[old].clone() for old, new in ENDS.items()}
    for layer in layers:
        tensors |= _block(found, f"trf_blocks.{layer}.", f"transformer.h.{layer}.")
    return tensors


def _block(found: Mapping[str, Tensor], old: str, new: str) -> dict[str, Tensor]:
    import torch

    tensors = {new + name: found[old + part] for part, name in PARTS.items()}
    tensors[f"{new}attn.c_attn.weight"] = torch.cat([found[f"{old}{each}.weight"] for each in QUERIES])
    zeros = torch.zeros(len(found[f"{old}{QUERIES[0]}.weight"]))
    biases = [found.get(f"{old}{each}.bias", zeros) for each in QUERIES]
    tensors[f"{new}attn.c_attn.bias"] = torch.cat(biases)
    return {name: tensor.T.contiguous() if tensor.dim() == 2 else tensor.clone() for name, tensor in tensors.items()}


def _config(body: Mapping[str, Tensor], base: Mapping[str, Any], heads: int | None, folder: Path) -> dict[str, Any]:
    """The config.json of a GPT-2 of these sizes; what the tensors do not show is taken from the base."""
    tokens, size = body["transformer.wte.weight"].shape
    if heads is None and base.get("n_embd", 768) == size and base["model_type"] == "gpt2":
        heads = int(base.get("n_head", 12))
    if heads is None or heads < 1 or size % heads:
        raise GenError(
            f"{folder} does not tell how many heads share a width of {size}; give them, as in --recipe book_gpt=12."
        )
    inner = body["transformer.h.0.mlp.c_fc.weight"].shape[1]
    sizes = {"vocab_size": tokens, "n_embd": size, "n_positions": len(body["transformer.wpe.weight"]), "n_head": heads}
    sizes |= {"n_layer": sum(name.endswith("ln_1.bias") for name in body), "n_inner": inner}
    kept = {key: value for key, value in base.items() if base["model_type"] == "gpt2" and key not in ("dtype", "n_ctx")}
    marks = {key: base.get(key) for key in ("bos_token_id", "eos_token_id")}
    own = marks_of(folder, tokens)
    known = {
        key: value if isinstance(value, int) and 0 <= value < tokens else own.get(key) for key, value in marks.items()
    }
    computed = {"activation_function": "gelu_new", "layer_norm_epsilon": 1e-5, "scale_attn_weights": True}
    return {**kept, **sizes, **known, **computed, "model_type": "gpt2"}


def _language_model(body: dict[str, Tensor], found: Mapping[str, Tensor], config: dict[str, Any]) -> Conversion:
    head, bias = found[HEADS[0]], found.get(HEADS[1])
    if bias is not None and bias.any():
        raise GenError("out_head has a bias, for which the head of a GPT-2 has no place; train it without one.")
    tied = bool(head.equal(found["tok_emb.weight"]))
    tensors = body if tied else {**body, "lm_head.weight": head.clone()}
    config |= {"architectures": ["GPT2LMHeadModel"], "tie_word_embeddings": tied}
    like = "tok_emb again" if tied else "a matrix of its own"
    return Conversion(config, tensors, (f"A language model: out_head has the vocabulary's {len(head)} rows ({like}).",))


def _classifier(
    body: dict[str, Tensor], found: Mapping[str, Tensor], config: dict[str, Any], padded: int | None
) -> Conversion:
    head, bias = found[HEADS[0]], found.get(HEADS[1])
    tensors = {**body, "score.weight": head.clone()}
    if bias is not None and bias.any():
        tensors["transformer.ln_f.bias"] = _with_bias(body["transformer.ln_f.bias"], head, bias)
    names = ", ".join(config.get("label_names", config["id2label"].values()))
    told = [f"A classifier: out_head has {len(head)} rows. Labels: {names}."]
    if padded is None:
        config |= {"pad_token_id": config["eos_token_id"]}
        told.append("It reads the last token of a text; if it learned on texts filled up to N tokens, add padded=N.")
    else:
        config |= _filled(config, padded)
        told.append(f"It reads the last of {padded} tokens, to which `gen classify` fills texts up with the end token.")
    return Conversion({**config, "architectures": ["GPT2ForSequenceClassification"]}, tensors, tuple(told))


def _filled(config: Mapping[str, Any], length: int) -> dict[str, Any]:
    """The entries of config.json about padded texts. The padding token is -1, which is no token, so that the head
    always reads the last one."""
    if not 1 <= length <= config["n_positions"] or config["eos_token_id"] is None:
        raise GenError(
            f"padded={length} needs an end token in the config of --base, and no more than the GPT's "
            f"{config['n_positions']} positions; give what it was trained with."
        )
    return {"pad_token_id": -1, "fill_to": length, "fill_token_id": config["eos_token_id"]}


def _with_bias(shift: Tensor, head: Tensor, bias: Tensor) -> Tensor:
    """The shift of the last norm [size] with which `head` [labels, size] gives the same as with `bias` [labels].

    The head of a GPT-2 classifier has no bias, and reads this norm's output alone. So a shift that the head turns into
    the bias has the same effect. It exists unless the head's rows are linearly dependent.
    """
    import torch

    extra: Tensor = torch.linalg.lstsq(head.double(), bias.double()[:, None]).solution[:, 0]
    if not torch.allclose(head.double() @ extra, bias.double(), rtol=1e-6, atol=1e-9):
        raise GenError(
            "The rows of out_head depend on one another, so that its bias has no place; train it without one."
        )
    moved: Tensor = shift.double().add(extra).to(shift.dtype)
    return moved
