"""What pytest finds once gen-engine is installed: tiny engines, and one test per law for a plugin.

It imports neither torch nor hypothesis, and does nothing in suites that do not use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..engine import Engine

MARKER = "gen_plugin(name, examples=40): with the argument `gen_law`, run once for each law of all that a plugin offers"


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, for `--strict-markers`."""
    config.addinivalue_line("markers", MARKER)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with the argument `gen_law` runs once for each law of each thing that the marked plugin offers."""
    if "gen_law" not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("gen_plugin")
    if marker is None or len(marker.args) != 1:
        raise pytest.UsageError("A test with gen_law needs to say whose: mark it @pytest.mark.gen_plugin('NAME').")
    from .offers import trials

    found = trials(marker.args[0], marker.kwargs.get("examples"))
    metafunc.parametrize("gen_law", found, ids=str)


@pytest.fixture
def tiny_engine() -> Callable[..., Engine]:
    """`tiny_engine("春夏", "秋")`: an engine around a tiny exact model with these tokens; token 0 is the end."""

    def make(*surfaces: str | bytes, salt: int = 0) -> Engine:
        from ..engine import Engine
        from .models import table_model

        return Engine(table_model("", *surfaces, unk=None, salt=salt))

    return make
