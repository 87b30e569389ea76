"""A classifier of many short texts at once; each result is bit-identical to that of the text alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gen_classify.guiding.int8 import Judge, int8_judge
from gen_classify.guiding.sharing import can_share, last_logits
from gen_classify.predicting.classifier import Classifier, load_classifier
from gen_engine.errors import GenError
from gen_engine.memory import Memory, remembered
from gen_engine.models.device import VARIABLE, check_device_name, choose_device
from gen_engine.models.int8 import takes_int8
from gen_trainkit.devices import place

BLOCK = 8
"""How many texts are computed together. It is always this number, at one padded length, since the last bits of an fp32
product depend on the number of rows."""

STEP = 8
"""Lengths are padded to multiples of this, so that the padded length depends on the text's own length alone."""

REMEMBERED = 1 << 16
"""For how many texts the answers are cached; a text that was extended comes again when it ends there."""

TEXTS = 24
"""The loss of int8 is measured on so many texts besides the PROBES."""

PROBES = ("春风又绿江南", "a", "春风又绿江南岸", "it was good", "春", "春风又绿江北", "the end.", "夜", "it was goof")


@dataclass(eq=False)
class Discriminator:
    """Log-probabilities of a classifier's labels for texts; those of a text do not depend on the other texts.

    `length` is how many tokens of a text, special ones included, are seen: the last ones. `judge` computes in int8.
    Without one torch computes `block` texts together.
    """

    classifier: Classifier
    length: int | None
    block: int = BLOCK
    shares: bool = False
    judge: Judge | None = None
    _known: Memory[str, tuple[float, ...]] = remembered(REMEMBERED)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in the order of the columns."""
        return self.classifier.labels

    def column(self, label: str | None, written: str) -> int:
        """The column of a label, given by name or by number. GenError, with a list of the labels, if there is none."""
        found = self.classifier.index(label) if label is not None else None
        if found is not None:
            return found
        problem = "names no label" if label is None else f"has no label {label!r}"
        codes = self.classifier.data_labels or tuple(map(str, range(len(self.labels))))
        names = [name if name == code else f"{name} ({code})" for name, code in zip(self.labels, codes, strict=True)]
        known = ", ".join(names[:20]) + ", ..." * (len(names) > 20)
        raise GenError(f"{written} {problem}; write guide=FOLDER:LABEL@STRENGTH with one of {known}.")

    def log_probabilities(self, texts: Sequence[str]) -> Tensor:
        """The log-probability of each label for each text in nats, [texts, labels], float32."""
        known = {text: self._known.get(text) for text in texts}
        new = [text for text, told in known.items() if told is None]
        for text, told in zip(new, self._computed(new), strict=True):
            known[text] = self._known.put(text, told)
        found = torch.tensor([known[text] for text in texts], dtype=torch.float32)
        return found.reshape(len(texts), len(self.labels))

    def _computed(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        rows = self._encode(texts)
        if self.judge is not None:
            judged = self.judge([self._read_part(row["input_ids"]) for row in rows])
            return self._told(torch.from_numpy(judged))
        found: dict[int, tuple[float, ...]] = {}
        alike = [index for index, row in enumerate(rows) if self.shares and self._is_read_at_its_end(row["input_ids"])]
        if alike:
            ids = [rows[index]["input_ids"] for index in alike]
            logits = last_logits(self.classifier.model, ids, width=self._width, block=self.block)
            found |= dict(zip(alike, self._told(logits), strict=True))
        by_width: dict[int, list[int]] = {}
        for index in range(len(rows)):
            if index not in found:
                by_width.setdefault(self._width(len(rows[index]["input_ids"])), []).append(index)
        for width, indices in sorted(by_width.items()):
            for start in range(0, len(indices), self.block):
                block = indices[start : start + self.block]
                filled = [rows[index] for index in block + block[:1] * (self.block - len(block))]
                found |= dict(zip(block, self._told(self._forward(filled, width)), strict=False))
        return [found[index] for index in range(len(texts))]

    def _read_part(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The tokens that the answer depends on; a GPT-2 reads it at the last one that is not its padding token."""
        config = self.classifier.model.config
        if config.model_type != "gpt2":
            return tuple(ids)
        return tuple(
            ids[: max((place for place, token in enumerate(ids) if token != config.pad_token_id), default=0) + 1]
        )

    def _is_read_at_its_end(self, ids: Sequence[int]) -> bool:
        """Whether a GPT-2 reads the label at the last token; it reads at the last one that is not its padding token."""
        return len(ids) > 1 and ids[-1] != self.classifier.model.config.pad_token_id

    def _width(self, count: int) -> int:
        """The number of tokens to which a row of `count` tokens is padded."""
        width = -(-count // STEP) * STEP
        return min(width, self.classifier.length or width)

    @torch.inference_mode()
    def _forward(self, rows: Sequence[dict[str, list[int]]], width: int) -> Tensor:
        """Logits [rows, outputs] of encoded texts, padded on the right to `width` tokens."""
        model: Any = self.classifier.model
        pad = model.config.pad_token_id
        seen = [len(row["input_ids"]) for row in rows]
        inputs = {"attention_mask": [[1] * count + [0] * (width - count) for count in seen]}
        for name in rows[0]:
            filler = pad if name == "input_ids" else 0
            inputs[name] = [row[name] + [filler] * (width - len(row[name])) for row in rows]
        given = {name: torch.tensor(values, device=model.device) for name, values in inputs.items()}
        logits: Tensor = model(**given).logits.float().cpu()
        return logits

    def _told(self, logits: Tensor) -> list[tuple[float, ...]]:
        """Logits [rows, outputs] as log-probabilities of the labels. GenError if one is not finite."""
        if self.classifier.threshold is not None:
            logits = torch.cat([torch.zeros_like(logits), logits], 1)  # its sigmoid is a softmax with zero
        found = logits.log_softmax(1)
        if not found.isfinite().all():
            raise GenError("The classifier of guide answers with what is no number; train it again, or choose another.")
        return [tuple(row) for row in found.tolist()]

    def _encode(self, texts: Sequence[str]) -> list[dict[str, list[int]]]:
        """Model inputs of each text; a long text keeps its last tokens, between the special ones."""
        if not texts:
            return []
        tokenizer: Any = self.classifier.tokenizer
        tokenizer.truncation_side = "left"
        found = tokenizer(
            list(texts),
            truncation=self.length is not None,
            max_length=self.length,
            return_attention_mask=False,
            verbose=False,
        )
        rows = [{name: values[index] for name, values in found.items()} for index in range(len(texts))]
        blank = self.classifier.model.config.pad_token_id
        return [
            row if row["input_ids"] else {name: [blank if name == "input_ids" else 0] for name in row} for row in rows
        ]

    def is_steady(self) -> bool:
        """Whether a text's answer is bit-identical at each place of a block, whatever the other texts are."""
        together, turned = self._computed(PROBES), self._computed(PROBES[::-1])
        return together == turned[::-1] and all(
            self._computed([probe]) == [told] for probe, told in zip(PROBES, together, strict=True)
        )


def open_discriminator(folder: str, window: int = 0, *, device: str = "auto") -> Discriminator:
    """The discriminator of a folder or hub name, which sees the last `window` tokens (0: as many as it can).

    It is the same object for the same unchanged folder. On a CPU it computes in int8 where that is known for the
    architecture and changes its answers little (see `loss_of`), and with the device "auto" it stays there then.
    Otherwise torch computes it on the device, and each text alone if a text's answer depends on its neighbours.
    """
    weights = sorted(Path(folder).glob("*.safetensors")) + sorted(Path(folder).glob("*.json"))
    asked = check_device_name(os.environ.get(VARIABLE) or "auto") if device == "auto" else device
    return _open(folder, window, asked, tuple((path.name, path.stat().st_mtime_ns) for path in weights))


@lru_cache(maxsize=4)
def _open(folder: str, window: int, device: str, version: tuple[tuple[str, int], ...]) -> Discriminator:
    del version  # a folder that was trained again is another
    chosen = choose_device(device)
    classifier = load_classifier(folder)
    if classifier.fill is not None:
        raise GenError(f"{folder} judges texts filled up to {classifier.fill[1]} tokens only; guide by another.")
    special = classifier.tokenizer.num_special_tokens_to_add()
    if window and window <= special:
        raise GenError(f"window={window} leaves no room for text beside {special} special tokens; give more.")
    length = min((limit for limit in (window, classifier.length) if limit), default=None)
    _settle(classifier, torch.device("cpu"))
    shares = can_share(classifier.model)
    discriminator = Discriminator(classifier, length, shares=shares)
    judge = int8_judge(classifier.model) if device == "auto" or chosen.type == "cpu" else None
    if judge is not None:
        int8 = Discriminator(classifier, length, shares=shares, judge=judge)
        if takes_int8("auto", loss_of(int8, discriminator)):
            return int8
    _settle(classifier, chosen)
    return discriminator if discriminator.is_steady() else Discriminator(classifier, length, block=1)


def _settle(classifier: Classifier, device: torch.device) -> None:
    """Have torch compute on the device, with all kernels as they are where some row of a block is padded.

    Others than "eager" drop a mask of ones, and so compute differently where none is.
    """
    place(classifier.model, device)
    classifier.model.set_attn_implementation("eager")
    classifier.model.eval()


def loss_of(int8: Discriminator, exact: Discriminator) -> float:
    """The mean divergence of the int8 answers from the exact ones on texts of random tokens, in nats.

    Kullback and Leibler (1951), "On information and sufficiency".
    """
    tokenizer: Any = exact.classifier.tokenizer
    drawn = np.random.default_rng(0)
    texts = [tokenizer.decode(drawn.integers(len(tokenizer), size=1 + count).tolist()) for count in range(TEXTS)]
    told, expected = (np.array(each._computed([*PROBES, *texts])) for each in (int8, exact))
    return float(np.mean(np.sum(np.exp(expected) * (expected - told), 1)))
