"""A trained classifier at inference: label probabilities of texts and pairs of texts, for any kind of model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForSequenceClassification, PreTrainedModel, PreTrainedTokenizerBase
from transformers import logging as transformers_logging

import gen_classify.bert_head  # noqa: F401 - makes its kind of model known
from gen_classify.predicting.inputs import Text, characters
from gen_engine.errors import GenError
from gen_engine.models.holdings import no_classifier, refuse_no_model
from gen_engine.system.underway import counted, doing
from gen_trainkit.bases import model_source
from gen_trainkit.bucketing import cut_batches
from gen_trainkit.devices import place
from gen_trainkit.labels import label_text
from gen_trainkit.portions import in_portions
from gen_trainkit.publishing import load_pretrained

BATCH_TOKENS = 8192
UNLIMITED = 1 << 30  # tokenizers without a limit give a huge number for it


@dataclass(frozen=True)
class Encoded:
    """Unpadded model inputs of texts, and which of the texts were cut to the model's length."""

    rows: list[dict[str, list[int]]]
    cut: frozenset[int]


@dataclass(frozen=True)
class Classifier:
    """A model with its tokenizer, its labels in the order of its probabilities and, for a single logit, its threshold.

    `length` is the number of tokens that it sees of a text, special ones included; None means any number. `data_labels`
    are the labels as the training files write them, where known. With `fill`, (token, length), every text is padded
    with the token, for heads that learned to read the last place of such texts.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    labels: tuple[str, ...]
    length: int | None = None
    threshold: float | None = None
    data_labels: tuple[str, ...] = ()
    fill: tuple[int, int] | None = None

    def encode(self, texts: Sequence[Text]) -> Encoded:
        """The inputs of `texts` as `pipeline("text-classification")` makes them; long texts are cut at the end."""
        rows: list[dict[str, list[int]]] = []
        long: list[int] = []
        with doing(f"tokenising {len(texts):,} texts"):
            for portion in in_portions(texts, size=characters):
                found = _encode(self.tokenizer, portion, None)
                beyond = [i for i, row in enumerate(found) if self.length and len(row["input_ids"]) > self.length]
                cut = _encode(self.tokenizer, [portion[i] for i in beyond], self.length)
                for index, row in zip(beyond, cut, strict=True):
                    found[index] = row
                long += [len(rows) + index for index in beyond]
                rows += found
        if self.fill is not None:
            token, length = self.fill
            rows = [{"input_ids": row["input_ids"] + [token] * (length - len(row["input_ids"]))} for row in rows]
        return Encoded(rows, frozenset(long))

    def probabilities(self, texts: Sequence[Text], *, batch_tokens: int = BATCH_TOKENS) -> Tensor:
        """The probability of each label for each text, [texts, labels]; computed in batches of similar length."""
        return self.score(self.encode(texts), batch_tokens=batch_tokens)

    @torch.inference_mode()
    def score(self, encoded: Encoded, *, batch_tokens: int = BATCH_TOKENS) -> Tensor:
        """The probability of each label for each encoded text, [texts, labels]; GenError if one is not finite."""
        lengths = [max(1, len(row["input_ids"])) for row in encoded.rows]
        order = sorted(range(len(lengths)), key=lengths.__getitem__)
        found = torch.zeros(len(lengths), len(self.labels))
        training = self.model.training
        self.model.eval()
        for batch in counted(list(cut_batches(order, lengths, batch_tokens)), "classifying, batches"):
            inputs = self._pad([encoded.rows[index] for index in batch])
            found[batch] = self._shares(self.model(**inputs).logits.float().cpu())
        self.model.train(training)
        if not found.isfinite().all():
            raise GenError("The classifier answers with what is no number. Train it again, or choose another.")
        return found

    def choose(self, probabilities: Tensor) -> Tensor:
        """The index of the label of each row, [texts]: the likeliest, or for a single logit by its threshold."""
        if self.threshold is not None:
            return (probabilities[:, 1] >= self.threshold).long()
        return probabilities.argmax(1)

    def index(self, label: str) -> int | None:
        """The index of a label, by its name, by its spelling in the training files, or by its number; None if unknown.

        `label_text` decides which labels are equal, in all files.
        """
        numbers = () if self.data_labels else tuple(map(str, range(len(self.labels))))
        wanted = label_text(label)
        for names in (self.labels, self.data_labels, numbers):
            written = [label_text(name) for name in names]
            if wanted in written:
                return written.index(wanted)
        truths = {"true": "1", "false": "0"}  # up to version 0.3 trainers wrote them so
        return self.index(truths[wanted]) if wanted in truths and self.data_labels == ("0", "1") else None

    def _shares(self, logits: Tensor) -> Tensor:
        """Logits [rows, outputs] as probabilities [rows, labels]."""
        if self.threshold is None:
            return logits.softmax(1)
        positive = logits.sigmoid()
        return torch.cat([1 - positive, positive], 1)

    def _pad(self, rows: Sequence[dict[str, list[int]]]) -> dict[str, Tensor]:
        """Rows padded on the right, which affects neither absolute positions nor causal attention."""
        pad = self.model.config.pad_token_id
        width = max(1, *(len(row["input_ids"]) for row in rows))
        seen = [len(row["input_ids"]) for row in rows]
        inputs = {"attention_mask": [[1] * max(1, count) + [0] * (width - max(1, count)) for count in seen]}
        for name, filler in {name: pad if name == "input_ids" else 0 for name in rows[0]}.items():
            inputs[name] = [row[name] + [filler] * (width - len(row[name])) for row in rows]
        return {name: torch.tensor(values, device=self.model.device) for name, values in inputs.items()}


def load_classifier(source: str | Path, *, device: torch.device | str = "cpu") -> Classifier:
    """The classifier of a folder or hub name on a device: any `AutoModelForSequenceClassification`, from safetensors.

    Raises GenError for a folder without one, for missing, unexpected, damaged or non-finite weights, and for models of
    regression or of several labels at once.
    """
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()  # what it would warn about, `load_pretrained` refuses
    folder = model_source(str(source))
    if Path(folder).is_dir():
        _check_kind(Path(folder), str(source))
    model, tokenizer = load_pretrained(AutoModelForSequenceClassification, str(source))
    place(model, torch.device(device))
    return make_classifier(model, tokenizer)


def make_classifier(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Classifier:
    """A classifier made of a loaded model, which is not copied, nor changed except for a padding token that it lacks.

    A single logit is read as the log odds of the second of the config's `label_names` against the first. The config's
    `threshold` is the probability from which on the second is chosen. `gen train classifier` writes both, and
    `data_labels`. `fill_to` and `fill_token_id`, which `gen convert` may write, say how texts are padded.
    """
    config = model.config
    if config.problem_type == "regression" or (config.problem_type and config.num_labels > 1 and _several(config)):
        raise GenError("The model gives numbers or several labels at once. Choose one that tells one label of several.")
    if config.pad_token_id is None:
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
        config.pad_token_id = next(token for token in known if token is not None)
    labels = tuple(str(config.id2label.get(index, "")) for index in range(config.num_labels))
    if "" in labels or len(set(labels)) < len(labels):
        raise GenError("The id2label of config.json leaves an output without a name of its own. Name each differently.")
    threshold = None
    if len(labels) == 1:
        labels = tuple(getattr(config, "label_names", (f"not {labels[0]}", labels[0])))
        threshold = float(getattr(config, "threshold", 0.5))
    data_labels = tuple(map(str, getattr(config, "data_labels", ())))
    fill = (int(config.fill_token_id), int(config.fill_to)) if hasattr(config, "fill_to") else None
    length = _length(model, tokenizer) if fill is None else fill[1]
    return Classifier(model, tokenizer, labels, length, threshold, data_labels, fill)


def _several(config: Any) -> bool:
    return bool(config.problem_type == "multi_label_classification")


def _check_kind(folder: Path, name: str) -> None:
    """Raise GenError for a folder whose config.json names a model that does not classify texts."""
    refuse_no_model(folder, name)
    error = no_classifier(folder, name)
    if error is not None:
        raise error


def _length(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    limits = [getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length]
    known = [limit for limit in limits if limit and limit < UNLIMITED]
    return min(known, default=None)


def _encode(tokenizer: Any, texts: Sequence[Text], length: int | None) -> list[dict[str, list[int]]]:
    """Ids and, where the model uses them, types of each text's tokens; with `length`, at most that many."""
    if not texts:
        return []
    first = [text if isinstance(text, str) else text[0] for text in texts]
    second = None if isinstance(texts[0], str) else [text[1] for text in texts]
    found = tokenizer(
        first, second, truncation=length is not None, max_length=length, return_attention_mask=False, verbose=False
    )
    return [{name: values[index] for name, values in found.items()} for index in range(len(texts))]
