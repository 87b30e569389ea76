"""The work of `gen eval lm`: score texts by models and baselines, and compare candidates with references."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from gen_engine.cli.output import load_engine
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.models.device import choose_device
from gen_engine.patience import SECONDS
from gen_engine.system.underway import doing
from gen_engine.types import Request
from gen_evaluate.cost import Cost, measure_cost
from gen_evaluate.figures import compute_figures, counted_places
from gen_evaluate.ngram import train_ngram
from gen_evaluate.overlap import bleu, check_pairs, distinct, rouge
from gen_evaluate.scoring import ScoredText, count_tokens, score_texts
from gen_trainkit import reading as files
from gen_trainkit.csv_rows import Quotes
from gen_trainkit.options import tell_reading
from gen_trainkit.tables import Reading
from gen_trainkit.tally import Tally

Record = dict[str, Any]


@dataclass(frozen=True)
class Sources:
    """The files, and how texts are found in them; `limit` takes the first texts only."""

    files: tuple[Path, ...] = ()
    column: str | None = None
    encoding: str = "utf-8"
    quotes: Quotes = "check"
    part: str | None = None
    train: tuple[Path, ...] = ()
    references: tuple[Path, ...] = ()
    candidates: tuple[Path, ...] = ()
    prompts: Path | None = None
    limit: int | None = None

    @property
    def reading(self) -> Reading:
        """How all files are read."""
        return Reading(self.encoding, quotes=self.quotes)


@dataclass(frozen=True)
class Models:
    """The models and how they are run; `baselines` are orders of n-gram models."""

    models: tuple[str, ...] = ()
    baselines: tuple[int, ...] = ()
    dtype: str = "auto"
    fast: bool = False
    device: str = "auto"


@dataclass(frozen=True)
class Writing:
    """How candidates are written for the prompts, and how texts are compared."""

    processors: tuple[str, ...] = ()
    decoder: str = "sample"
    max_new: int = 64
    patience: float = SECONDS
    seed: int = 0
    encoder: str | None = None
    tokenize: str = "char"
    device: str = "auto"  # of the encoder


def evaluate(sources: Sources, models: Models, writing: Writing) -> Record:
    """All results as JSON: `reading` has a row for each model, `writing` one for each set of candidates."""
    check(sources, models, writing)
    choose_device(models.device)  # which says if it is not there, before anything is read
    engines = {
        name: load_engine(name, dtype=models.dtype, fast=models.fast, device=models.device) for name in models.models
    }
    record: Record = {}
    if sources.files:
        record |= evaluate_models(sources, models, engines)
    if sources.candidates or sources.prompts:
        record["writing"] = list(evaluate_candidates(sources, writing, engines))
    return record


def check(sources: Sources, models: Models, writing: Writing) -> None:
    """Raise GenError for options that do not fit together."""
    wrongs = [
        (not (sources.files or sources.candidates or sources.prompts),
         "There is nothing to measure. Name files of texts, --candidates, or --prompts."),
        (sources.files and not (models.models or models.baselines),
         "No model is to read the texts. Give --model MODEL, or --baseline ngram=5 with --train FILE."),
        (sources.prompts and not models.models, "No model is to continue the prompts. Give --model MODEL."),
        (models.baselines and not sources.train, "A baseline counts n-grams in texts. Give them by --train FILE."),
        (sources.train and not models.baselines, "--train is for a baseline. Give --baseline ngram=5, too."),
        (sources.references and not (sources.candidates or sources.prompts),
         "References are there to compare with. Give --candidates FILE, or --prompts FILE to have a model write them."),
        (writing.encoder and not sources.references, "--encoder compares texts. Give --references FILE, too."),
    ]  # fmt: skip
    for wrong, message in wrongs:
        if wrong:
            raise GenError(message)


def evaluate_models(sources: Sources, models: Models, engines: dict[str, Engine]) -> Record:
    """The figures of all models, over the characters that all of them know."""
    tally = Tally()
    found = files.read_texts(
        sources.files,
        column=sources.column,
        reading=sources.reading,
        splits=files.HELD_OUT,
        part=sources.part,
        tally=tally,
    )
    tell_reading(tally.told("texts"))
    texts = found[: sources.limit]
    rows, scored = [], []
    for name, read, facts in chain(_readers(engines), _counters(sources, models)):
        known, cost = measure_cost(partial(read, texts))
        scored.append(known)
        rows.append({"model": name, **facts, **_costs(count_tokens(known), cost)})
    places = counted_places(scored)
    if not any(each.any() for each in places):
        raise GenError("The texts have no character that every model knows. Give other texts, or leave a model out.")
    for row, known in zip(rows, scored, strict=True):
        row |= asdict(compute_figures(known, places))
    written = sum(map(len, texts))
    counted = int(sum(each.sum() for each in places))
    return {"texts": len(texts), "characters": written, "counted": counted, "reading": rows}


Reader = tuple[str, Callable[[Sequence[str]], list[ScoredText]], Record]


def _readers(engines: dict[str, Engine]) -> Iterator[Reader]:
    for name, engine in engines.items():
        model = engine.model
        yield name, partial(score_texts, model), {"dtype": model.dtype}


def _counters(sources: Sources, models: Models) -> Iterator[Reader]:
    """The n-gram models; each is made only when needed, so that its memory is not counted as another model's."""
    for order in models.baselines:
        texts = files.read_texts(sources.train, column=sources.column, reading=sources.reading)
        model, cost = measure_cost(partial(train_ngram, texts, order))
        facts = {"trained_on": [path.name for path in sources.train], "training_seconds": round(cost.seconds, 1)}
        yield f"{order}-gram", model.score, facts


def _costs(tokens: int, cost: Cost) -> Record:
    return {"tokens": tokens, "tokens_per_second": tokens / cost.seconds, "peak_memory": cost.peak}


def evaluate_candidates(sources: Sources, writing: Writing, engines: dict[str, Engine]) -> Iterator[Record]:
    """How similar to the references, and how varied, each file of candidates and each model's texts are."""
    references = [_lines(path, sources) for path in sources.references]
    for name, candidates, facts in chain(_given(sources), _written(sources, writing, engines)):
        yield {"candidates": name, "texts": len(candidates), **facts, **_compare(candidates, references, writing)}


def _compare(candidates: Sequence[str], references: Sequence[Sequence[str]], writing: Writing) -> Record:
    record: Record = {f"distinct_{n}": distinct(candidates, n) for n in (1, 2, 3)}
    if not references:
        return record
    check_pairs(candidates, references)
    record["bleu"] = bleu(candidates, references, tokenize=writing.tokenize)
    record |= {name: asdict(each) for name, each in rouge(candidates, references).items()}
    if writing.encoder:
        from gen_evaluate.bertscore import bert_score

        record["bertscore"] = asdict(bert_score(candidates, references, writing.encoder, device=writing.device))
    return record


def _given(sources: Sources) -> Iterator[tuple[str, list[str], Record]]:
    for path in sources.candidates:
        yield path.name, _lines(path, sources), {}


def _written(sources: Sources, writing: Writing, engines: dict[str, Engine]) -> Iterator[tuple[str, list[str], Record]]:
    for name, engine in engines.items() if sources.prompts else ():
        prompts = _lines(sources.prompts, sources) if sources.prompts else []
        requests = [
            Request(prompt, writing.processors, 1, writing.seed + i, writing.max_new, writing.decoder, writing.patience)
            for i, prompt in enumerate(prompts)
        ]
        with doing(f"{name} continues {len(requests):,} prompts"):
            found, cost = measure_cost(partial(engine.generate_batch, requests))
        yield name, [each[0].new for each in found], _costs(sum(len(each[0].tokens) for each in found), cost)


def _lines(path: Path, sources: Sources) -> list[str]:
    """The texts of a file, including empty ones, which have a partner in the other file."""
    tally = Tally()
    rows = files.read_cells(
        path, [sources.column or "text"], sources.reading, splits=files.HELD_OUT, part=sources.part, tally=tally
    )
    found = [text for (text,) in rows][: sources.limit]
    tally.used = tally.read
    tell_reading(f"{path.name}: {words}" for words in tally.told("texts"))
    if not found:
        raise GenError(f"There is no text in {path}. Give a file with at least one.")
    return found
