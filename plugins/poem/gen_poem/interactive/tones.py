"""The tones of a text in signs, as the judge of `gen check` reads them: ○ level, ● oblique, △ ▲ rhyme."""

from __future__ import annotations

from dataclasses import dataclass

from gen_engine.errors import GenError
from gen_engine.text import is_han

from ..judging.check import judge
from ..judging.report import JudgedChar, Report
from ..verse.books import book
from ..verse.resolve import Wish, is_form

SIGNS = {"平": "○", "仄": "●", "平仄": "◐", "?": "?"}
RHYMED = {"○": "△", "●": "▲", "◐": "△", "?": "?"}


@dataclass(frozen=True)
class Ear:
    """How a text is heard: as the form or tune that was asked for, or by the tones of a book alone."""

    wish: Wish | None = None
    book: str = "pingshui"

    def signs(self, text: str, report: Report | None) -> dict[int, str]:
        """The sign of each character by its position, as the report on the text reads it."""
        positions = [position for position, char in enumerate(text) if is_han(char)]
        heard = _heard(report) if report else []
        if len(heard) != len(positions):
            heard = [_plain(self.book, text[position]) for position in positions]
        return dict(zip(positions, heard, strict=True))

    def judge(self, text: str) -> Report | None:
        """The report on the text, None where no form was asked for or it cannot be judged."""
        wish = self.wish
        if wish is None:
            return None
        form, tune = (wish.name, "") if is_form(wish.name) else ("", wish.name)
        rhyme = wish.rhymes[0] if len(wish.rhymes) == 1 else ""
        book_name = wish.book if wish.book and wish.book != "none" else ""
        try:
            return judge(
                text,
                form,
                tune_name=tune,
                variant=wish.variant,
                tones=wish.tones,
                rhyme_book=book_name,
                rhyme=rhyme,
                start=wish.start or "",
                first=wish.first or "",
            )
        except GenError:
            return None


def _heard(report: Report) -> list[str]:
    """The signs of all characters in order."""
    found: list[str] = []
    rhymes = [bool(line.rhyme) for line in report.pattern.lines]
    for number, row in enumerate(report.rows):
        signs = [SIGNS[_tone(judged)] for judged in row]
        if signs and number < len(rhymes) and rhymes[number] and report.has_rhyme:
            signs[-1] = RHYMED[signs[-1]]
        found += signs
    return found


def _tone(judged: JudgedChar) -> str:
    return judged.taken.tone if judged.taken else judged.tones


def _plain(name: str, char: str) -> str:
    tones = {reading.tone for reading in book(name).readings(char)}
    both = "平仄" if len(tones) > 1 else next(iter(tones), "?")
    return SIGNS[both]


def group_of(report: Report | None) -> str:
    """The rhyme groups of a text, "" if there are none."""
    return " ".join(dict.fromkeys(group for _, group in report.groups)) if report else ""
