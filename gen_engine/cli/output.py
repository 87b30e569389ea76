"""What commands print: texts for people, JSON lines for programs, tables. It goes to the terminal or, atomically, to a
file.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ..errors import tame
from ..system.json_values import finite, json_line
from ..system.screen import note, results
from ..system.tables import table
from ..system.underway import awaited
from ..types import Request
from .cards.setting import Setting
from .destination import check_out, counting, opened
from .provenance import origin_of
from .tasks import EVERY_ONE, NOTHING, PLAIN, Choosing, Drawn, Layout, Show, Task, host

if TYPE_CHECKING:
    from ..engine import Engine
    from ..inspecting.explain import Explanation
    from ..text.chats import Chat
    from ..types import Completion, Piece, Prompt
    from .options import Choice

__all__ = [
    "PLAIN",
    "Choosing",
    "Drawn",
    "Layout",
    "Setting",
    "Show",
    "Task",
    "as_shown",
    "check_out",
    "continue_text",
    "counting",
    "dump",
    "load_chosen",
    "load_engine",
    "mention_unknown",
    "opened",
    "record",
    "remark",
    "stream",
    "table",
    "write",
    "write_drawn",
    "write_explained",
]

NAMED = 20
"""The most characters that a note names."""


def record(completion: Completion, layout: Layout = str.splitlines) -> dict[str, Any]:
    """A completion as JSON. Log-probabilities are in nats."""
    return {
        "text": completion.text,
        "new": completion.new,
        "lines": list(layout(completion.text)),
        "logprob": finite(completion.logprob),
        "seed": completion.seed,
        "sample": completion.sample,
        "model": completion.model,
        "dtype": completion.dtype,
        "device": completion.device,
        "exact": completion.exact,
        "reproducible": completion.reproducible,
        "portable": completion.portable,
        "finish": completion.finish,
        "undone": list(completion.undone),
        **_evidence(completion),
        **_drafted(completion),
    }


def _evidence(completion: Completion) -> dict[str, Any]:
    """The log evidence, if the decoder estimates one."""
    found = completion.log_evidence
    return {} if found is None else {"log_evidence": finite(found)}


def _drafted(completion: Completion) -> dict[str, Mapping[str, int]]:
    """How many tokens a draft proposed, if any, and how many of them were drawn."""
    proposed, accepted = completion.drafted
    return {"drafted": {"proposed": proposed, "accepted": accepted}} if proposed else {}


def write(file: TextIO, completions: Iterable[Completion], *, as_json: bool, layout: Layout = str.splitlines) -> None:
    """Write completions as they come: one line of JSON each, or their lines with an empty line between two texts."""
    write_drawn(file, ((each, {}) for each in completions), as_json=as_json, layout=layout)


def write_drawn(
    file: TextIO,
    drawn: Iterable[Drawn],
    *,
    as_json: bool,
    layout: Layout = str.splitlines,
    beside: Mapping[str, Any] = NOTHING,
) -> None:
    """Write completions in the same way. Each JSON also gets the values that come with its text, and those `beside`
    all.
    """
    with counting() as count:
        for completion, more in awaited(drawn, "writing"):
            with count.one():
                if as_json:
                    text = json_line({**record(completion, layout), **beside, **more})
                else:
                    text = "\n" * bool(count.number) + "\n".join(layout(completion.text))
                print(tame(text, file), file=file, flush=True)
            remark(completion)


def stream(file: TextIO, prompt: str, pieces: Iterable[str]) -> None:
    """Write a prompt and then each piece as soon as it is final."""
    last, is_whole = prompt, False
    try:
        file.write(tame(prompt, file))
        file.flush()
        for piece in awaited(pieces, "writing"):
            file.write(tame(piece, file))
            file.flush()
            last = piece or last
        is_whole = True
    finally:
        if not last.endswith("\n") and (last or is_whole):
            file.write("\n")
        file.flush()


def continue_text(
    file: TextIO,
    engine: Engine,
    prompt: str | Prompt,
    chosen: Choice,
    *,
    processors: Sequence[Any],
    max_new: int,
    show: Show = PLAIN,
    explain: str | None = None,
    context: str | Prompt | Chat = "",
    beside: Mapping[str, Any] = NOTHING,
    choosing: Choosing = EVERY_ONE,
) -> None:
    """Continue `prompt` as chosen. A single text for people is streamed; several texts and JSON are written when
    complete.

    With `explain` ("" or the name of an HTML page) each text is explained. By default, `chosen` decides. If it asks for
    cards, they are drawn as `show.setting` says. The model reads the `context` before the text. `beside` holds further
    values for the JSON of each text. If `choosing` takes one text of several, more are drawn than written. If the
    command runs for a host, that gets the task instead.
    """
    request = Request(
        prompt,
        tuple(processors),
        num=chosen.num * choosing.of,
        seed=chosen.seed,
        max_new=max_new,
        decoder=chosen.decoder,
        patience=chosen.patience,
        context=context,
        draws=choosing.of,
        draft=chosen.draft,
    )
    explain = chosen.explain if explain is None else explain
    task = Task(engine, request, show, choosing, beside, explain, chosen)
    taker = host()
    if taker is not None:
        return taker.take(task)
    gc.freeze()  # loaded objects stay: a garbage collection over them takes longer than most steps
    if task.is_streamed and not chosen.json:
        return _stream_task(file, task, chosen)
    return _write_task(file, task, chosen)


def _stream_task(file: TextIO, task: Task, chosen: Choice) -> None:
    done: list[Completion] = []
    typed = task.request.prompt if isinstance(task.request.prompt, str) else task.request.prompt.text
    pieces = task.engine.pieces([task.request])
    show = task.show.pieces()
    begun = show(typed)

    def shown() -> Iterator[str]:
        told = len(begun)
        for piece in map(show, _texts(pieces, done)):
            told += len(piece)
            yield task.show.broken(piece)
        for each in done:  # nothing that follows can change what was held back
            yield task.show.broken(task.show.text(each.text)[told:])

    stream(file, task.show.broken(begun), shown())
    for _ in drawing(((as_shown(each, task.show), {}) for each in done), task.show, chosen):
        pass
    for completion in done:
        remark(completion)


def _write_task(file: TextIO, task: Task, chosen: Choice) -> None:
    """Write the texts of a task when they are whole."""
    asked, show, beside = task.request, task.show, task.beside
    wish: dict[str, Any] = {name: getattr(asked, name) for name in ("processors", "max_new", "decoder", "context")}
    settings: dict[str, Any] = {name: getattr(asked, name) for name in ("seed", "patience", "draft", "num", "draws")}
    completions = task.engine.completions(asked.prompt, **settings, **wish)
    origin = origin_of(task) if chosen.json else lambda _: {}
    best = task.choosing.choose(completions)
    chosen_texts = ((as_shown(each, show), {**more, **origin(each)}) for each, more in best)
    taken = drawing(chosen_texts, show, chosen)
    if task.explain is None:
        return write_drawn(file, taken, as_json=chosen.json, layout=show.lines, beside=beside)
    from ..inspecting.explain import explain as explain_completion

    def explained() -> Iterator[Explained]:
        for each, more in taken:
            remark(each)
            told = {**record(each, show.lines), **beside, **more}
            yield told, explain_completion(task.engine, each, prompt=asked.prompt, **wish)

    return write_explained(file, explained(), as_json=chosen.json, html=task.explain, show=show, command=chosen.command)


def drawing(shown: Iterable[Drawn], show: Show, chosen: Choice) -> Iterator[Drawn]:
    """The same texts, as shown. The card of each, if one is asked for, is drawn when the next is asked for, so that the
    text itself is written first.
    """
    for number, (completion, more) in enumerate(shown, 1):
        yield completion, more
        if chosen.cards is not None:
            chosen.cards.draw(number, show.lines(completion.text), show.setting)


def as_shown(completion: Completion, show: Show) -> Completion:
    """The completion, with its text and its new part as shown."""
    return replace(completion, text=show.text(completion.text), new=show.text(completion.new))


Explained = tuple[dict[str, Any], "Explanation"]
"""A text as JSON, with the cost of its choices."""


def write_explained(
    file: TextIO,
    explained: Iterable[Explained],
    *,
    as_json: bool,
    html: str = "",
    show: Show = PLAIN,
    command: str = "",
) -> None:
    """Write texts with their explanations as they come, and also as an HTML page if `html` names one.

    `command` is the command that made them; the page shows it.
    """
    from ..inspecting.explain_page import paged
    from ..inspecting.explain_tables import explanation_record, print_explanation

    with ExitStack() as stack:
        count = stack.enter_context(counting())
        add = None
        if html:
            page = stack.enter_context(opened(Path(html), option="--explain"))
            add = stack.enter_context(paged(page, lines=lambda text: show.lines(show.text(text)), command=command))
        for text, explanation in awaited(explained, "writing and explaining"):
            with count.one():
                if as_json:
                    both = {**text, "explanation": explanation_record(explanation)}
                    print(tame(json_line(both), file), file=file, flush=True)
                else:
                    shown = "\n" * bool(count.number) + "\n".join(text["lines"])
                    print(tame(shown, file), file=file, flush=True)
                    print_explanation(file, explanation)
                    file.flush()
                if add is not None:
                    add(explanation)


def _texts(pieces: Iterable[tuple[int, Piece]], done: list[Completion]) -> Iterator[str]:
    """The texts of the pieces. The completions that come with them are put into `done`."""
    for _, piece in pieces:
        done += [piece.completion] if piece.completion is not None else []
        yield piece.text


def remark(completion: Completion) -> None:
    """Say on standard error which shapers were undone because they left nothing, and whether a bound cut choices."""
    if not completion.exact and completion.log_evidence is not None:
        note("a shaper removed tokens that the target holds, or a search limit did (exact: false).")
    elif not completion.exact:
        note("a search limit, not a proof, ruled out some choices (exact: false).")
    if completion.undone:
        names = ", ".join(completion.undone)
        note(f"{names} left nothing to choose from at some places and was undone there.")


def load_chosen(chosen: Choice) -> Engine:
    """The engine of the model that the user chose, as chosen; that of the host if the command runs for one."""
    taker = host()
    if taker is not None:
        return taker.engine(chosen)
    how: dict[str, Any] = {"device": chosen.device, "attention": chosen.attention}
    return load_engine(chosen.model, dtype=chosen.dtype, fast=chosen.fast, **how)


def load_engine(name: str, *, dtype: str, fast: bool, device: str = "auto", attention: str | None = None) -> Engine:
    """What `load` returns. Says once on standard error if this model's texts may differ from those it writes alone."""
    from ..engine import load

    engine = load(name, dtype=dtype, fast=fast, device=device, attention=attention)
    if not engine.model.reproducible:
        why = "--fast computes" if fast else f"{name} computes"
        note(f"{why} rows together that may change each other's last bits (reproducible: false).")
    return engine


def mention_unknown(prompt: Prompt, *, spelling: bool = True) -> None:
    """Say once on standard error which characters of the prompt the model does not know. With `spelling`, also say
    which of them it reads in another spelling.
    """
    if spelling and prompt.spelt is not None:
        pairs = dict.fromkeys((a, b) for a, b in zip(prompt.text, prompt.spelt, strict=True) if a != b)
        typed, read = ("".join(chars) for chars in zip(*pairs, strict=True))
        note(f"the model reads {_cut(typed)} as {_cut(read)}.")
    if prompt.unknown:
        chars = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in prompt.unknown)
        note(f"the model does not know {chars}: kept as typed, read as [UNK].")


def _cut(chars: str) -> str:
    return chars if len(chars) <= NAMED else f"{chars[:NAMED]} ..."


def dump(value: Any) -> None:
    """Print a value as JSON for programs."""
    print(json.dumps(finite(value), ensure_ascii=False, indent=2), file=results())
