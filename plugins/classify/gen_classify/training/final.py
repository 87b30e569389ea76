"""The only use of the test part: the published model, compared with a baseline trained on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import torch

from gen_classify.evaluating.measures import measure
from gen_classify.evaluating.report import columns
from gen_classify.predicting.classifier import load_classifier
from gen_classify.predicting.inputs import Text
from gen_classify.rows.dataset import Rows
from gen_engine.cli.languages import Say

SHOWN = ("accuracy", "macro_f1")


def measure_final(
    folder: Path, rows: Rows, *, baseline: bool, seed: int, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """Figures of the model in `folder`, and of a `baseline` if wanted, on the test part, else the validation part.

    The baseline learns the same balanced training rows. `repeated` is how many of the texts are also among these. Data
    with repeated texts, split at random, make both look better than they are.
    """
    part = rows.parts["test" if "test" in rows.parts else "valid"]
    texts, wanted = _texts(rows, part), [rows.targets[index] for index in part]
    classifier = load_classifier(folder, device=device)
    guessed = classifier.choose(classifier.probabilities(texts)).tolist()
    found: dict[str, Any] = {"part": "test" if "test" in rows.parts else "valid", "rows": len(part)}
    known = set(_texts(rows, rows.train))
    found["repeated"] = sum(text in known for text in texts)
    found["model"] = measure(wanted, guessed, rows.labels.names).record()
    if baseline:
        from gen_classify.evaluating.baseline import train_baseline

        learned = train_baseline(_texts(rows, rows.train), [rows.targets[index] for index in rows.train], seed=seed)
        found["baseline"] = measure(wanted, learned.predict(texts), rows.labels.names).record()
    return found


def _texts(rows: Rows, indices: list[int]) -> list[Text]:
    table = rows.table
    if not table.seconds:
        return [table.texts[index] for index in indices]
    return [(table.texts[index], table.seconds[index]) for index in indices]


def tell_final(found: Mapping[str, Any], say: Say = str, place: TextIO | None = None) -> str:
    """The figures as lines to print to `place`."""
    names = {"model": say("model"), "baseline": say("TF-IDF + logistic regression")}
    parts = {"test": say("{count:,} rows of the test part:"), "valid": say("{count:,} rows of the valid part:")}
    rows = [["", *(say(figure.replace("_", " ")) for figure in SHOWN)]]
    rows += [[name, *(f"{found[key][figure]:.4f}" for figure in SHOWN)] for key, name in names.items() if key in found]
    lines = [parts[found["part"]].format(count=found["rows"]), columns(rows, place)]
    if found["repeated"]:
        lines.append(say("{count:,} of the texts stand in the training part, too.").format(count=found["repeated"]))
    return "\n".join(lines)
