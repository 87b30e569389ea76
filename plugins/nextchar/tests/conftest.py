"""What the tests of both heads start from."""

import pytest
from nextchar_nets import write_base
from nextchar_runs import LINES


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A pretrained BERT that a tutorial starts from, with its words."""
    return write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def texts(tmp_path_factory):
    """A file of lines that can be learned."""
    path = tmp_path_factory.mktemp("texts") / "lines.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path
