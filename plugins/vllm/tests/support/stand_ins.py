"""Stand-ins for the objects that vLLM hands over, with its names, and a tiny model's tokenizer in a folder."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import GPT2Config, PreTrainedTokenizerFast

PIECES = ["[PAD]", "[UNK]", "[END]", "a", "b", "c", "，", "ab", "ca"]
END, SIZE = 2, len(PIECES)


def tokenizer_folder(folder):
    """A folder with a tokenizer of nine pieces."""
    backend = Tokenizer(models.WordLevel({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    backend.pre_tokenizer, backend.decoder = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated"), decoders.Fuse()
    made = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]", eos_token="[END]", pad_token="[PAD]")
    made.save_pretrained(folder)
    return str(folder)


def config_of(folder, **more):
    """What we read of vLLM's configuration, for that tokenizer; `more` replaces parts of it."""
    model = {
        "model": folder, "tokenizer": folder, "revision": None, "tokenizer_revision": None, "max_model_len": 64,
        "logits_processors": None, "is_diffusion": False, "get_vocab_size": lambda: SIZE,
        "try_get_generation_config": dict, "hf_text_config": GPT2Config(bos_token_id=END, eos_token_id=END),
    }  # fmt: skip
    parts = {
        "speculative_config": None,
        "use_v2_model_runner": False,
        "scheduler_config": SimpleNamespace(async_scheduling=more.pop("async_scheduling", False)),
    }
    parts |= {key: more.pop(key) for key in list(more) if key in parts}
    return SimpleNamespace(model_config=SimpleNamespace(**model | more), **parts)


@dataclass
class Params:
    """The sampling parameters of a request."""

    extra_args: dict[str, Any] | None = None
    max_tokens: int | None = 16
    min_tokens: int = 0
    stop: list[str] = field(default_factory=list)
    stop_token_ids: list[int] = field(default_factory=list)
    ignore_eos: bool = False
    bad_words: list[str] | None = None
    structured_outputs: object = None
    all_stop_token_ids: set[int] = field(default_factory=lambda: {END})


def asking(*processors, max_tokens=6, prompt=None, **more):
    """The parameters of a request for these processors."""
    keys = {"gen_with": list(processors)} | ({} if prompt is None else {"gen_prompt": prompt})
    return Params(keys, max_tokens, **more)


class Move(Enum):
    """How a request moves."""

    UNIDIRECTIONAL = auto()
    SWAP = auto()


@dataclass
class Request:
    """A request under way, with the tokens written so far."""

    params: Any
    prompt: list[int]
    output: list[int] = field(default_factory=list)

    @property
    def is_done(self):
        """Whether vLLM would end it."""
        return END in self.output or len(self.output) >= self.params.max_tokens


@dataclass
class Batch:
    """A persistent batch as V1 keeps it: rows without holes, and what changed since the last step."""

    rows: list[Request] = field(default_factory=list)

    def change(self, leaving, joining, swap):
        """An update by which rows leave, requests join into their places, holes are closed, and two rows swap."""
        holes, added, moved = sorted(set(leaving)), [], []
        rows: list[Request | None] = [None if i in holes else row for i, row in enumerate(self.rows)]
        for request in joining:
            index = holes.pop(0) if holes else len(rows)
            rows[index : index + 1] = [request]
            added.append((index, request.params, request.prompt, request.output))
        while None in rows:
            if rows[-1] is not None:
                moved.append((len(rows) - 1, rows.index(None), Move.UNIDIRECTIONAL))
                rows[rows.index(None)] = rows[-1]
            rows.pop()
        if len(rows) > 1 and swap is not None:
            one, other = swap % len(rows), (swap // len(rows)) % len(rows)
            if one != other:
                rows[one], rows[other] = rows[other], rows[one]
                moved.append((one, other, Move.SWAP))
        self.rows = rows
        return SimpleNamespace(batch_size=len(rows), removed=holes, added=added, moved=moved)


def slots_of(requests, count=8, window=64):
    """What V2 shows of requests in slots (a dict): their tokens and lengths."""
    tokens, lengths = torch.zeros((count, window), dtype=torch.int32), np.zeros((2, count), dtype=np.int32)
    for slot, request in requests.items():
        both = [*request.prompt, *request.output]
        tokens[slot, : len(both)] = torch.tensor(both, dtype=torch.int32)
        lengths[:, slot] = len(request.prompt)
    prompt, prefill = (SimpleNamespace(np=each) for each in lengths)
    return SimpleNamespace(all_token_ids=SimpleNamespace(gpu=tokens), prompt_len=prompt, prefill_len=prefill)


def context_of(requests, order):
    """The layout of a step of V2 over these slots."""
    lengths = [len(requests[slot].prompt) + len(requests[slot].output) for slot in order]
    return SimpleNamespace(
        idx_mapping_np=np.array(order, dtype=np.int32),
        expanded_idx_mapping=torch.tensor(order),
        seq_lens_upper_bound_np=np.array(lengths, dtype=np.int32),
    )
