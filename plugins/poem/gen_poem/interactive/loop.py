"""The talk at a terminal: reads commands, shows what they lead to. What they mean is in `session`."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from gen_engine.cli.cards.drawing import KINDS, Cards
from gen_engine.cli.options import Choice
from gen_engine.cli.output import Show, opened
from gen_engine.errors import ConflictError, GenError, tame
from gen_engine.system.interrupts import go_on
from gen_engine.system.screen import Words, cells, paint, results, say
from gen_engine.system.underway import doing

from ..verse.resolve import Wish
from ..writing.write import Wanted
from . import session as law
from .display import LEGEND, board, reasons
from .grid import position_of
from .session import Ask, Draft, Session, Wishes
from .tones import Ear
from .wishes import Asked, Engines, ask, changeable, changed, given, is_taken
from .wishes import told as wishes_told
from .words import HELP, Command, parse
from .writer import Writer

PROMPT = "> "


def converse(prepare: Callable[[], Wanted], chosen: Choice, wish: Wish | None = None, book: str | None = None) -> None:
    """Write a text and take commands, until there are no more. Kept texts that are in no file are printed at the end.

    Texts are heard by the form or tune of `wish`, else by the tones of `book`.
    """
    asked = Asked(prepare, chosen, wish, book)
    if is_taken(asked):
        return
    seed = secrets.randbelow(law.SEEDS) if chosen.seed is None else chosen.seed
    context = click.get_current_context()
    desks = Desks(context)
    table = Table(desks, Session(seed, given(context)))
    desks.known[table.session.first] = desks.made(asked)
    options = changeable(context)
    try:
        table.do(Command("n"))
        _tell([(LEGEND, "quiet")])
        while table.is_open:
            with told():
                typed = read()
                if typed is None:
                    break
                table.do(parse(typed, options))
    finally:
        table.print_unsaved()


@contextmanager
def told() -> Iterator[None]:
    """Say what goes wrong inside in one sentence, and go on. Ctrl-C ends no more than what is inside."""
    try:
        yield
    except GenError as problem:
        _tell([("! ", "error"), (str(problem), "")])
    except KeyboardInterrupt as problem:
        if not go_on(problem):
            raise
        print(file=sys.stderr)
        _tell("Stopped; nothing has changed. q quits.")


def read() -> str | None:
    """The next command, None at the end of the input. Commands that were not typed at a terminal are shown."""
    typing = sys.stdin is not None and sys.stdin.isatty()
    out = results()
    try:
        if typing and sys.stdout.isatty():
            with suppress(ImportError):
                import readline  # noqa: F401 - input() then edits lines and remembers them
            with doing(""):
                return input(PROMPT)
        if typing:
            click.echo(PROMPT, err=True, nl=False)
        line = sys.stdin.readline() if sys.stdin is not None else ""
    except EOFError:
        print(file=out)
        return None
    except UnicodeDecodeError as problem:
        raise GenError("The command is no UTF-8 text; type it again.") from problem
    if line and not typing:
        print(tame(f"{PROMPT}{line.rstrip()}", out), file=out)
    return line.rstrip("\r\n") if line else None


def _tell(words: Words) -> None:
    say(words, indent="  ")


@dataclass(frozen=True)
class Desk:
    """What writes texts by some wishes, and what hears them."""

    writer: Writer
    ear: Ear


@dataclass
class Desks:
    """A desk for all that is asked for in turn, by the command of a context."""

    context: click.Context
    engines: Engines = field(default_factory=Engines)
    known: dict[Wishes, Desk] = field(default_factory=dict)  # one for each change that a person typed

    def made(self, asked: Asked) -> Desk:
        """The desk of what a command asks for."""
        book = asked.book if asked.book and asked.book != "none" else "pingshui"
        return Desk(Writer(self.engines.prepared(asked), asked.chosen), Ear(asked.wish, book))

    def of(self, wishes: Wishes) -> Desk:
        """The desk of these wishes. GenError if they do not go together."""
        if wishes not in self.known:
            self.known[wishes] = self.made(ask(self.context, wishes))
        return self.known[wishes]


@dataclass
class Table:
    """The session on the table, and what carries out its commands."""

    desks: Desks
    session: Session
    is_open: bool = True
    _warned: bool = False

    def do(self, command: Command) -> None:
        """Carry out a command. GenError says why it cannot be, and nothing has changed then."""
        if command.name == "q":
            return self._quit()
        self._warned = False
        done = COMMANDS[command.name](self, command)
        if isinstance(done, Session):
            self._show(done)
        return None

    def _quit(self) -> None:
        count = len(self.session.unsaved)
        self.is_open = bool(count) and not self._warned
        if self.is_open:
            self._warned = True
            _tell(f"{count} kept and in no file; s FILE saves, q again prints what is kept and leaves.")

    def _show(self, session: Session, words: str = "") -> None:
        self.session = session
        out = results()
        for line in board(session, self.desks.of(session.wishes).ear):
            print(paint(line, out), file=out)
        if words:
            _tell(words)
        out.flush()

    def write(self, asks: Iterable[Ask]) -> None:
        """Write by the first ask for which there is a text. GenError of the last if there is none for any."""
        session, refusal = self.session, None
        for number, each in enumerate(asks):
            writer = self.desks.of(each.wishes).writer
            try:
                written, shown = writer.write(each)
            except ConflictError as problem:
                refusal = problem
                continue
            after = law.took(session, each, written=written, shown=shown, start=writer.wanted.start)
            return self._show(after, each.words if number else "")
        raise refusal or GenError("There is nothing to write.")

    def change(self, command: Command) -> None:
        """Write a text by another wish."""
        wishes = changed(self.desks.context, self.session.wishes, command.option, command.text)
        each = law.by_wishes(self.session, wishes)
        try:
            self.write([each])
        except ConflictError:
            if each.fixed and not self._admits(law.without_fixed(each)):
                self.desks.of(wishes).writer.write(replace(each, pattern="", fixed={}))  # if not even that: says why
                raise GenError("What is fixed has no place in a text of other lines; d frees it.") from None
            raise

    def _admits(self, each: Ask) -> bool:
        """Whether there is a text."""
        try:
            self.desks.of(each.wishes).writer.write(each)
        except ConflictError:
            return False
        return True

    def list_given(self) -> None:
        """Show which options are given, and which may be."""
        _tell(f"Given: {wishes_told(self.session.wishes) or 'no option'}.")
        _tell(f"May be given: {', '.join(changeable(self.desks.context))}.")

    def explain(self, command: Command) -> None:
        """Tell what the model wanted at a place."""
        draft = self.session.draft
        position = position_of(draft.written, command.line, command.place)
        for sentence in reasons(draft, position, self.desks.of(draft.wishes).writer.explain(draft, position)):
            _tell(sentence)

    def list_kept(self) -> None:
        """Show the kept texts with their numbers."""
        for number, text in enumerate(self.session.kept, 1):
            _tell(f"{number} {text.shown}")
        if not self.session.kept:
            _tell("Nothing is kept; k keeps the text.")

    def keep(self) -> None:
        """Keep the text on the table."""
        self.session = law.keep(self.session)
        _tell(f"Kept as number {len(self.session.kept)}.")

    def save(self, file: Path, *, replacing: bool) -> None:
        """Save the kept texts, or a picture of the one on the table."""
        if file.exists() and not replacing:
            raise GenError(f"{file} is there already; s! {file} replaces it, or name another file.")
        shown, layout = self.session.draft.shown, self._layout(self.session.draft)
        if file.suffix.lower() in KINDS:
            cards = Cards(file)
            cards.check()
            cards.draw(1, layout.lines(shown), layout.setting)
            return _tell(f"{file} has a picture of this text.")
        texts = [self._lines(each) for each in self.session.kept or (self.session.draft,)]
        with opened(file, option="FILE") as out:
            out.write("\n".join(texts))
        self.session = law.saved(self.session)
        return _tell(f"{file} has {len(texts)} {'text' if len(texts) == 1 else 'texts'}.")

    def print_unsaved(self) -> None:
        """Print what is kept and in no file, so that nothing is lost."""
        unsaved = self.session.unsaved
        if unsaved:
            print("\n".join(["", *map(self._lines, unsaved)]), file=results(), end="")

    def _layout(self, draft: Draft) -> Show:
        return self.desks.of(draft.wishes).writer.wanted.show

    def _lines(self, draft: Draft) -> str:
        return "\n".join(self._layout(draft).lines(draft.shown)) + "\n"


def _help() -> None:
    for typed, does in HELP:
        print(f"  {typed}{'':{15 - cells(typed)}}{does}", file=results())


COMMANDS: dict[str, Callable[[Table, Command], Session | None]] = {
    "n": lambda table, _: table.write([law.another(table.session)]),
    "l": lambda table, typed: table.write([law.line_anew(table.session, typed.line)]),
    "c": lambda table, typed: table.write([law.couplet_anew(table.session, typed.line)]),
    "x": lambda table, typed: table.write([law.place_anew(table.session, typed.line, typed.place)]),
    "f": lambda table, typed: table.write(law.fixing(table.session, typed.line, typed.place, typed.text)),
    "d": lambda table, typed: law.free(table.session, typed.line, typed.place),
    "o": lambda table, typed: table.change(typed),
    "a": lambda table, _: table.list_given(),
    "w": lambda table, typed: table.explain(typed),
    "u": lambda table, _: law.undone(table.session),
    "r": lambda table, _: law.redone(table.session),
    "k": lambda table, _: table.keep(),
    "ls": lambda table, _: table.list_kept(),
    "b": lambda table, typed: law.brought_back(table.session, typed.line),
    "s": lambda table, typed: table.save(Path(typed.text), replacing=False),
    "s!": lambda table, typed: table.save(Path(typed.text), replacing=True),
    "?": lambda *_: _help(),
}
"""What each command does. One that returns a session shows it."""
