"""What README shows of a client is what a server answers."""

import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

pytest.importorskip("openai", reason="the client of OpenAI is not installed")

README = Path(__file__).parents[2] / "README.md"
SHOWN = "http://127.0.0.1:8000"


def test_the_example_of_a_client_prints_what_it_says(server_url):
    [example] = [
        each for each in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL) if SHOWN in each
    ]
    with redirect_stdout(StringIO()) as out:
        exec(example.replace(SHOWN, server_url), {})
    printed = out.getvalue().replace("||[", "||\n[").splitlines()  # what is printed with `end` begins no line
    assert printed == re.findall(r"^# (.*)$", example, re.MULTILINE)
