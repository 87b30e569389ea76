"""What lies on the machine of whoever runs the tests changes none of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOSTILE = '[batch]\nrows = "no"\n'


@pytest.mark.parametrize("place", ["gen.toml", "user.toml", "gen-engine/config.toml"])
def test_files_of_the_user_change_no_test(tmp_path, place):
    (tmp_path / "gen-engine").mkdir()
    (tmp_path / place).write_text(HOSTILE, encoding="utf-8")
    settings = {name: value for name, value in os.environ.items() if name != "GEN_CONFIG"}
    settings |= {"XDG_CONFIG_HOME": str(tmp_path)} | (
        {"GEN_CONFIG": str(tmp_path / place)} if place == "user.toml" else {}
    )
    tests = (ROOT / "tests" / "test_isolation.py", ROOT / "plugins" / "batch" / "tests" / "test_command.py")
    command = [sys.executable, "-m", "pytest", "-q", *map(str, tests), "-k", "own_reasons or address"]
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_command_refuses_for_its_own_reasons(capsys):
    from gen_engine.cli.main import main

    assert main(["batch", "none.jsonl", "-"]) == 2
    assert capsys.readouterr().err.startswith("gen: There is no file")
