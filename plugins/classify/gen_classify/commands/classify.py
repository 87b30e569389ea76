"""The command `gen classify`: labels of texts, with their probabilities; everything heavy is imported when it runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO

import click

from gen_classify.predicting.inputs import Source, ask_texts, check_source, in_runs, is_blank, read_source
from gen_engine.cli.options import debug_option, device_option
from gen_engine.cli.output import counting, opened
from gen_engine.errors import GenError, tame
from gen_engine.system.help_pages import examples
from gen_engine.system.screen import cells, cut, note, paint, plain, width_of
from gen_trainkit.options import FILE, options, part, part_option, quotes_option, refuse_idle, refuse_unread

if TYPE_CHECKING:
    from gen_classify.predicting.inputs import Text
    from gen_classify.predicting.zero_shot import Answer

RUN = 2048
"""The most texts that are sorted by length and computed together before their labels are printed."""

SHORT = 20
"""At least this many columns of a text are shown, even on a narrow terminal."""

SHOWN = 60
"""How many characters of a text are printed beside its label."""


@dataclass(frozen=True)
class Guess:
    """A text's label and its probability; the probabilities of all labels; further JSON fields; whether the text was
    cut."""

    label: str
    probability: float
    shares: dict[str, float]
    more: dict[str, Any] = field(default_factory=dict)
    cut: bool = False


Classify = Callable[[Sequence["Text"]], list[Guess]]

input_options = options(
    click.argument("texts", nargs=-1, metavar="[TEXT]..."),
    click.option("--model", required=True, metavar="MODEL", help="A classifier: a folder, or a hub name."),
    click.option("--text2", "seconds", multiple=True, metavar="TEXT", help="Second text of a pair; one for each TEXT."),
    click.option("--file", type=FILE, help="Lines of text, or a .csv, .tsv or .jsonl; - for standard input."),
    click.option("--column", metavar="NAME", help="Column of a table: a name, or a number from 1.  [default: text]"),
    click.option("--column2", metavar="NAME", help="Column of the second text of each pair."),
    click.option("--pairs", is_flag=True, help="Lines hold two texts with a tab between; the prompt asks for two."),
    click.option("--encoding", default="utf-8", show_default=True, help="Encoding of the input, such as gb18030."),
    quotes_option,
    part_option("test, else valid"),
)
shown_options = options(
    click.option("--top", type=click.IntRange(1), metavar="N", help="Tell the N likeliest labels.  [default: 1]"),
    click.option("--json", is_flag=True, help="Print a line of JSON for each text, with all probabilities."),
    click.option("--out", type=FILE, metavar="FILE", help="Write to FILE instead of the terminal."),
)
question_options = options(
    click.option("--zero-shot", "question", metavar="QUESTION",
                 help="Ask a causal language model this yes/no question about each text; it needs no training."),
    click.option("--yes", metavar="WORD", help="With --zero-shot: the answer yes.  [default: yes, 是]"),
    click.option("--no", metavar="WORD", help="With --zero-shot: the answer no.  [default: no, 否]"),
    click.option("--language", type=click.Choice(["en", "zh"]), help="With --zero-shot: of layout and answers."),
    click.option("--template", metavar="TEXT", help="With --zero-shot: the layout, with {text} and {question}."),
)  # fmt: skip


@click.command(
    "classify",
    epilog=examples(
        "gen classify --model ./my-classifier 白日依山尽",
        "gen classify --model ./my-classifier --file rows.csv --json",
    ),
)
@input_options
@shown_options
@question_options
@device_option()
@debug_option()
def classify_command(**given: Any) -> None:
    """Tell the label of each TEXT and its probability.

    Without TEXT and --file, lines of standard input are classified; at a terminal, what you type until q. Each line
    printed has label, probability and text with tabs between. Empty texts are left out, and long ones are cut to what
    the model reads; both are reported.
    """
    source: Source = part(Source, given)
    check_source(source)
    _refuse_idle(source, given)
    classify = _ask_model(given) if given["question"] is not None else _open_classifier(given["model"], given["device"])
    with opened(given["out"], lines=True) as out:
        if source.asks_a_person:
            _talk(classify, out, source.pairs, given)
        else:
            _classify_all(classify, out, source, given)


def _refuse_idle(source: Source, given: dict[str, Any]) -> None:
    """Raise GenError for options on the command line that have no effect on this input."""
    if source.texts:
        refuse_idle({"encoding", "pairs", "quotes", "part"}, "beside TEXT")
    elif source.file is None or str(source.file) == "-":
        refuse_idle({"quotes", "part"}, "without a --file")
    else:
        refuse_unread([source.file], given)
    if given["question"] is None:
        refuse_idle({"yes", "no", "language", "template"}, "without --zero-shot")


def _open_classifier(model: str, device: str) -> Classify:
    """A function that classifies with the classifier `model`."""
    from gen_classify.predicting.classifier import load_classifier
    from gen_engine.models.device import choose_device

    classifier = load_classifier(model, device=choose_device(device))

    def classify(texts: Sequence[Text]) -> list[Guess]:
        encoded = classifier.encode(texts)
        found = classifier.score(encoded)
        chosen = classifier.choose(found).tolist()
        shares = [dict(zip(classifier.labels, row, strict=True)) for row in found.tolist()]
        return [
            Guess(classifier.labels[place], row[classifier.labels[place]], row, cut=index in encoded.cut)
            for index, (place, row) in enumerate(zip(chosen, shares, strict=True))
        ]

    return classify


def _ask_model(given: dict[str, Any]) -> Classify:
    """A function that classifies by asking the causal language model `model` a question."""
    from gen_classify.predicting.zero_shot import ask
    from gen_engine import load

    if given["seconds"] or given["column2"] or given["pairs"]:
        raise GenError("A zero-shot question is about one text, not two. Leave --text2, --column2 and --pairs out.")
    model = load(given["model"], device=given["device"]).model

    def classify(texts: Sequence[Text]) -> list[Guess]:
        words = {name: given[name] for name in ("yes", "no", "language", "template")}
        answers = ask(model, [str(text) for text in texts], question=given["question"], **words)
        return [Guess(each.label, each.probability, _both(each), {"mass": each.mass}, each.cut) for each in answers]

    return classify


def _both(answer: Answer) -> dict[str, float]:
    """The probabilities of both words."""
    return {answer.label: answer.probability, answer.other: 1 - answer.probability}


def _classify_all(classify: Classify, out: TextIO, source: Source, given: dict[str, Any]) -> None:
    """Print the label of every text that `source` names, and say what was left out or cut."""
    from gen_trainkit.tally import Tally

    blank = cut = 0
    tally = Tally()
    with counting("text was classified", "texts were classified") as count:
        for run in in_runs(read_source(source, tally), RUN):
            full = [(number, text) for number, text in run if not is_blank(text)]
            blank += len(run) - len(full)
            for (number, text), guess in zip(full, classify([text for _, text in full]), strict=True):
                with count.one():
                    print(
                        _shown(guess, text, given["top"], number if given["json"] else None, out), file=out, flush=True
                    )
                cut += guess.cut
    if not count.number:
        raise GenError("There is no text to classify. Give TEXT, a --file or lines of standard input.")
    tally.used, tally.empty = count.number, blank
    for words in tally.told("texts") if source.file and tally.read else ():
        note(words, "")
    for number, what in ((blank, "without any character: left out"), (cut, "longer than the model reads: cut")):
        if number:
            click.echo(f"{number:,} {'text' if number == 1 else 'texts'} {what}.", err=True)


def _talk(classify: Classify, out: TextIO, pairs: bool, given: dict[str, Any]) -> None:
    """Print the label of each text as it is typed."""
    for number, text in enumerate(ask_texts(pairs, input), 1):
        [guess] = classify([text])
        print(_shown(guess, text, given["top"], number if given["json"] else None, out), file=out, flush=True)
        if guess.cut:
            click.echo("The text is longer than the model reads: cut.", err=True)


def _shown(guess: Guess, text: Text, top: int | None, number: int | None, out: TextIO) -> str:
    """One line of JSON if the text's `number` is given. Otherwise one line of words, with tabs, or fitted to the
    terminal `out`."""
    likely = dict(sorted(guess.shares.items(), key=lambda item: -item[1])[:top])
    if number is not None:
        texts = {"text": text} if isinstance(text, str) else {"text": text[0], "text2": text[1]}
        known = {"label": guess.label, "probability": guess.probability, "probabilities": likely}
        short = {"cut": True} if guess.cut else {}
        line = json.dumps({"number": number, **texts, **known, **guess.more, **short}, ensure_ascii=False)
        return tame(line, out)
    told = [(guess.label, guess.probability)] if top is None else list(likely.items())
    width = width_of(out)
    gap = "\t" if width is None else "  "
    words = [part for label, share in told for part in ((label, "name"), (f"{gap}{share:.4f}{gap}", ""))]
    brief = _brief(text)
    room = max(SHORT, (width or 0) - cells(plain(words)))
    return paint([*words, (brief if width is None else cut(brief, room), "")], out)


def _brief(text: Text) -> str:
    """The text, or both texts, on one line."""
    parts = [" ".join(each.split()) for each in ((text,) if isinstance(text, str) else text)]
    return " | ".join(each if len(each) <= SHOWN else f"{each[: SHOWN - 1]}…" for each in parts)


if __name__ == "__main__":
    classify_command()
