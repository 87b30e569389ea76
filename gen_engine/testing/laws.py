"""What a law is, and how hypothesis looks for the smallest example that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, Unsatisfiable

State = Literal["holds", "broken", "unjudged", "not offered"]


class BrokenLawError(AssertionError):
    """A law is broken. The message says by what."""


@dataclass
class Scene:
    """One example under way. `draw` takes values from strategies; `now` says in words where we are."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    now: str = ""

    def fail(self, what: str) -> NoReturn:
        """Report that the law is broken by `what`, here and now."""
        raise BrokenLawError(f"{what} ({self.now})" if self.now else what)


@dataclass(frozen=True)
class Law:
    """One promise. `check` raises BrokenLawError if it is broken. `needs` are laws without which it means nothing.

    `applies` says whether a subject promises it at all. With `somewhere`, one example for which `check` returns True is
    enough, and the law is broken if there is none. With `forgives`, exceptions are left to other laws.
    """

    name: str
    promise: str
    check: Callable[[Any, Scene], Any]
    needs: tuple[str, ...] = ()
    applies: Callable[[Any], bool] = lambda subject: True
    somewhere: bool = False
    forgives: bool = False
    share: float = 1.0


@dataclass(frozen=True)
class Verdict:
    """The result for one law. `message` is the smallest example that breaks it, or why it is not judged."""

    law: str
    state: State
    message: str = ""


def verdicts(subject: Any, laws: Sequence[Law], examples: int) -> list[Verdict]:
    """A verdict on each law in turn. A law whose needs are not met is not judged, so only causes are reported."""
    found: dict[str, Verdict] = {}
    for law in laws:
        lacking = [need for need in law.needs if found[need].state in ("broken", "unjudged")]
        if lacking:
            found[law.name] = Verdict(law.name, "unjudged", f"it means nothing without {lacking[0]!r}")
        else:
            found[law.name] = judge(law, subject, examples)
    return list(found.values())


def judge(law: Law, subject: Any, examples: int, *, shrink: bool = True) -> Verdict:
    """Look for an example that breaks one law, the smallest one unless `shrink` is off."""
    if not law.applies(subject):
        return Verdict(law.name, "not offered")
    scene = Scene(lambda strategy: None)

    def holds(data: st.DataObject) -> None:
        nonlocal scene
        scene = Scene(data.draw)
        if law.check(subject, scene) and law.somewhere:
            raise _EnoughError

    try:
        _searching(max(3, round(examples * law.share)), shrink=shrink and not law.somewhere)(given(st.data())(holds))()
    except _EnoughError:
        return Verdict(law.name, "holds")
    except BrokenLawError as violation:
        return Verdict(law.name, "broken", str(violation))
    except Flaky as flaky:
        causes = [str(cause) for cause in getattr(flaky, "exceptions", ()) if isinstance(cause, BrokenLawError)]
        return Verdict(law.name, "broken", "; ".join([*causes[:1], "the same question gets different answers"]))
    except Unsatisfiable:
        return Verdict(law.name, "unjudged", "no example was found")
    except (Exception, SystemExit) as problem:  # noqa: BLE001 - the code of others is on trial: whatever it raises is evidence
        if law.forgives:
            return Verdict(law.name, "holds")
        where = f" ({scene.now})" if scene.now else ""
        reason = " ".join(f"{type(problem).__name__}: {problem}".split())
        return Verdict(law.name, "broken", f"it raised {reason}{where}")
    if law.somewhere:
        return Verdict(law.name, "broken", "it was so in none of the examples")
    return Verdict(law.name, "holds")


class _EnoughError(Exception):
    """One example is enough."""


def _searching(examples: int, *, shrink: bool) -> settings:
    """Always the same examples, shrunk if one fails. Nothing is saved and nothing is printed."""
    return settings(
        max_examples=examples,
        derandomize=True,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def assert_all(label: str, found: Sequence[Verdict], laws: Sequence[Law]) -> None:
    """Raise AssertionError that names each broken law in words, with its smallest example."""
    promises = {law.name: law.promise for law in laws}
    broken = [each for each in found if each.state == "broken"]
    told = [f"{label} breaks the law {each.law!r}: {promises[each.law]}; but {each.message}." for each in broken]
    if told:
        raise AssertionError("\n".join(told))
