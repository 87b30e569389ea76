"""What a model is told to write about: title, author and dynasty, and automatically the form or tune.

The note in the model's folder says how a context is written (`gen_engine.models.notes`). A model without a note is told
nothing, and wishes for it are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

from gen_engine.cli.contexts import GivenContext, refuse_beside
from gen_engine.errors import GenError, brief, quoted
from gen_engine.system.screen import note as say
from gen_engine.text import is_han, is_punctuation

from ..rules.form import Form
from ..verse.resolve import is_form
from ..verse.traditional import to_simplified
from ..verse.tunes import tune
from .poem import Poem

if TYPE_CHECKING:
    from gen_engine.engine import Engine
    from gen_engine.models.notes import ModelNote
    from gen_engine.text.chats import Chat
    from gen_engine.types import Prompt, Tokenizer

Command = TypeVar("Command", bound=Callable[..., Any])
Unseen = Literal["ignore", "refuse"]

NOTHING = GivenContext()

LONGEST = 16
"""The most characters of a title or a name; the model of verse was trained on no longer title."""

SIZES: Mapping[tuple[int, int], str] = {(4, 5): "五绝", (4, 7): "七绝", (8, 5): "五律", (8, 7): "七律"}
"""The forms by their numbers of lines and of characters per line."""

COUPLET = ("联",)
"""The form of couplets."""

NAMED, ALIKE = 5, 0.4
"""How many names are offered for one that a model has not seen, and their least similarity to it."""

WISHED: Mapping[str, str] = {"title": "秋夜", "author": "李白", "dynasty": "唐"}
"""The parts of a context that a user may set, each with an example."""

REMARK = re.compile(r"[（\[{(].*?[）\]})]")
NUMBER = re.compile(r"\s+其[一二三四五六七八九十百○]+.*$|\s+[一二三四五六七八九十百○]+$")
"""What a title may have besides its words: remarks in brackets, and the number of the poem."""

DYNASTY = re.compile("(?<=.)[代朝]$")
"""The suffix of a dynasty's name: 唐代."""


@dataclass(frozen=True)
class ContextOptions:
    """The user's wishes, "" where there is none. With `silent`, the model is told nothing at all."""

    title: str = ""
    author: str = ""
    dynasty: str = ""
    unseen: Unseen = "ignore"
    silent: bool = False

    @property
    def asked(self) -> dict[str, str]:
        """The wishes by part of the context."""
        return {part: value for part in WISHED if (value := getattr(self, part))}

    def but(self, other: Mapping[str, str]) -> ContextOptions:
        """The same with other wishes for some parts."""
        title, author, dynasty = ({**self.asked, **other}.get(part, "") for part in WISHED)
        return ContextOptions(title, author, dynasty, self.unseen, self.silent)


@dataclass(frozen=True)
class Context:
    """What a model is told: the `text` before its own, the `parts` of it, and the `wishes` as they were typed."""

    text: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    wishes: Mapping[str, str] = field(default_factory=dict)
    without_title: str | None = None
    """The same context without the title; None if it has none."""
    given: GivenContext = NOTHING
    """What the user tells the model instead of all that."""

    @property
    def record(self) -> dict[str, Any]:
        """The context in JSON results."""
        return {"wishes": dict(self.wishes), "context": self.text, **self.given.record}

    def told(self, engine: Engine) -> str | Prompt | Chat:
        """The context for requests to this engine."""
        return self.given.context(engine) if self.given.option else self.text

    def mention_unknown(self, tokenizer: Tokenizer) -> None:
        """Say once on standard error which of its characters the model does not know."""
        self.given.mention_unknown(tokenizer)
        unknown = tokenizer.encode("".join(self.parts.values())).unknown
        if unknown:
            say(f"the model does not know {''.join(unknown)} of what it is told, and reads [UNK] there.")


def form_names(poem: Poem) -> tuple[str, ...]:
    """The names by which a model may know the form of a poem: the form's name, or all names of a tune; else none."""
    if poem.shape is None:
        return ()
    if isinstance(poem.shape, Form):
        form = SIZES.get((poem.shape.rows, poem.shape.cols))
        return (form,) if form else ()
    names = tuple(dict.fromkeys(pattern.form for pattern in poem.shape.patterns))
    return names if is_form(names[0]) else tuple(dict.fromkeys(each for name in names for each in tune(name).names))


def make_context(wishes: ContextOptions, forms: Sequence[str], model: str, given: GivenContext = NOTHING) -> Context:
    """The context for the model of that name: the form by one of these names, if it has seen one, and the wishes.

    A context or chat that was `given` stands in the place of all that, and is refused beside wishes.
    A message on standard error says what is left out of a title, and which names the model has not seen. Raises
    GenError for a wish that the model cannot be told, and with `unseen="refuse"` for one that it has not seen.
    """
    from gen_engine.sources import note_of

    if given.special and not given.option:
        raise GenError("--special is for --context and --chat, since no verse has special tokens; leave it out.")
    if given.option:
        others = {f"--{part}": value for part, value in wishes.asked.items()}
        refuse_beside(given, {**others, "--no-context": wishes.silent})
        return Context(given=given)
    if wishes.silent:
        return Context()
    note = note_of(model)
    for part in wishes.asked:
        if note is None or part not in note.parts:
            raise _cannot(part, model)
    if note is None:
        return Context()
    writer = ContextWriter(note, model, wishes.unseen)
    found = {part: writer.read(part, typed) for part, typed in wishes.asked.items()}
    if "form" in note.parts and forms:
        found["form"] = writer.form(forms)
    parts = {part: found[part] for part in note.order if found.get(part)}
    rest = {part: value for part, value in parts.items() if part != "title"}
    return Context(note.write(parts), parts, wishes.asked, note.write(rest) if "title" in parts else None)


def _cannot(part: str, model: str) -> GenError:
    from gen_engine.sources import told_of

    able = told_of(part)
    take = f"take {' or '.join(able)}, or " if able else ""
    what = f"an {part}" if part == "author" else f"a {part}"
    return GenError(f"The model {brief(model)} cannot be told {what}; {take}leave out --{part}.")


@dataclass(frozen=True)
class ContextWriter:
    """Writes contexts for a model: its note, its name, and what to do with names that it has not seen."""

    note: ModelNote
    model: str
    unseen: Unseen

    def read(self, part: str, typed: str) -> str:
        """What was typed, in the model's own spelling; "" for what it has not seen. GenError if nothing was typed."""
        known, bare = self.note.known.get(part), _bare(typed)
        found = "" if known is None else seen((typed.strip(), bare, DYNASTY.sub("", bare)), known)
        if not found and not bare:
            raise GenError(f"The {part} {quoted(typed)} has no Chinese characters; write one, such as {WISHED[part]}.")
        if known is not None:
            return found or self._refuse_or_say(part, typed, known)
        chars = "".join(char for char in typed if not (char.isspace() or is_punctuation(char)))
        if bare[:LONGEST] != to_simplified(chars):
            say(f"of the {part} {quoted(typed)} the model is told {bare[:LONGEST]}.")
        return bare[:LONGEST]

    def form(self, names: Sequence[str]) -> str:
        """The form with one of these names, as the model has seen it; "" if it has not, which is reported for a
        tune."""
        known = self.note.known.get("form")
        found = names[0] if known is None else seen(names, known)
        if found or not _is_tune(names[0]):
            return found
        return self._refuse_or_say("tune", names[0], [name for name in known or () if _is_tune(name)])

    def _refuse_or_say(self, part: str, typed: str, known: Sequence[str]) -> str:
        what = f"the model {brief(self.model)} knows no {part} {quoted(typed)}"
        near = ", ".join(nearest(_bare(typed), tuple(known)))
        if self.unseen == "refuse":
            raise GenError(f"T{what[1:]}; name one that it knows, such as {near}, or leave out --unseen refuse.")
        say(f"{what} and is not told of it; it knows {near}.")
        return ""


def _is_tune(name: str) -> bool:
    return name not in COUPLET and not is_form(name)


def seen(names: Iterable[str], known: Sequence[str]) -> str:
    """The first of the known values that is one of these names, in simplified or traditional characters; "" if none."""
    wanted = {each for name in names for each in (name, to_simplified(name)) if each}
    pairs = zip(known, _simple(tuple(known)), strict=True)
    return next((value for value, simple in pairs if value in wanted or simple in wanted), "")


def nearest(name: str, known: tuple[str, ...]) -> list[str]:
    """The known values most like a name, among equals the commoner first; if none is like it, the commonest."""
    matcher = SequenceMatcher(autojunk=False)
    matcher.set_seq2(to_simplified(name))
    alike: list[tuple[float, int]] = []
    for number, value in enumerate(_simple(known)):
        matcher.set_seq1(value)
        if matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE:
            alike.append((-matcher.ratio(), number))
    return [known[number] for _, number in sorted(alike)[:NAMED]] or list(known[:NAMED])


REMEMBERED = 64
"""For how many lists of values the simplified spelling is remembered."""


@lru_cache(REMEMBERED)
def _simple(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values in simplified characters."""
    return tuple(to_simplified("\n".join(values)).split("\n"))


def _bare(typed: str) -> str:
    """The Chinese characters of what was typed, simplified, without remarks in brackets unless there is nothing
    else."""
    return to_simplified(plain_title(typed) or "".join(filter(is_han, typed)))


def _is_mark(char: str) -> bool:
    return char.isspace() or is_punctuation(char)


def plain_title(title: str) -> str:
    """A title without the number of the poem, without remarks in brackets, and with Chinese characters only."""
    return "".join(filter(is_han, NUMBER.sub("", REMARK.sub("", title))))


# ------------------------------------------------------------------------------------------------------- options


def context_options(command: Command) -> Command:
    """Give a command the options of what to write about, which `read_context_options()` reads inside it."""
    for option in reversed(_options()):
        command = option(command)
    return command


def read_context_options() -> ContextOptions:
    """The wishes of the command that is running. GenError for an empty one, or for one given with --no-context."""
    given = click.get_current_context().meta[__name__]
    for part in WISHED:
        if given[part] is not None and not given[part].strip():
            raise GenError(f"--{part} is empty; write one, such as {WISHED[part]}, or leave it out.")
        if given[part] is not None and given["no_context"]:
            raise GenError(f"--no-context tells the model nothing, not even --{part}; leave out one of them.")
    asked = {part: given[part] for part in WISHED if given[part] is not None}
    return ContextOptions(**asked, unseen=given["unseen"], silent=given["no_context"])


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    context.meta.setdefault(__name__, {})[parameter.name] = value


def _options() -> list[Callable[[Command], Command]]:
    def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
        return click.option(*names, expose_value=False, callback=_keep, **settings)

    return [
        option("--title", metavar="TEXT", help=f"What to write about, if the model can be told: {LONGEST} characters."),
        option("--author", metavar="NAME", help="In whose manner, likewise."),
        option("--dynasty", metavar="NAME", help="As of what time, likewise: 唐 or 宋."),
        option("--unseen", type=click.Choice(["ignore", "refuse"]), default="ignore", show_default=True,
               help="What becomes of an author, dynasty or tune that the model does not know."),
        option("--no-context", is_flag=True, help="Tell the model nothing, not even the form."),
    ]  # fmt: skip
