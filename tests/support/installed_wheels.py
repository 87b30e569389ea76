"""Installs built wheels into a fresh environment, far from the checkout, and uses them as somebody who has only them.

`python tests/support/installed_wheels.py dist`, which `make check-wheels` runs. It fetches what the wheels depend on.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
POEM = re.compile(r"(?:[\u4e00-\u9fff]{5}[，。？！；、：]\n){4}")


def commands(gen, python):
    """What is run, and what its output must match."""
    return [
        ([gen, "--help"], r"(?s)Generate text.*\n  poem .*\n  train "),
        ([gen, "plugins"], r"\A# Plugins\nname\t.*\n(?:\S.*\tworks\n){9,}\Z"),
        ([gen, "poem", "--prompt", "白", "--rows", "4", "--cols", "5"], POEM),
        ([gen, "plugins", "check", "core", "--examples", "5"], ""),
        ([python, "-c", "import gen_engine; print(gen_engine.__file__)"], "site-packages"),
        ([python, "-c", "from gen_engine.compiled.library import told; print(told())"], r"the fastest of "),
    ]


def run(command, place):
    """The output of a command run in a folder without anything of ours in the environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GEN_", "PYTHON"))}
    env |= {"COLUMNS": "200", "HF_HUB_OFFLINE": "1", "GEN_CACHE": str(place / "cache")}
    done = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    """Install and check; ends with 1 at the first thing that is not as it should be."""
    dist = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        venv.create(place / "env", with_pip=True)
        scripts = place / "env" / ("Scripts" if os.name == "nt" else "bin")
        python, gen = scripts / "python", scripts / "gen"
        [core] = dist.glob("gen_engine-*.whl")
        install = [python, "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", "--find-links", dist]
        print(f"Installing gen-engine[all] from {dist.name} into a fresh environment ...", flush=True)
        run([*install, "--no-index", "--no-deps", *sorted(dist.glob("*.whl"))], place)
        run([*install, f"gen-engine[all]=={core.name.split('-')[1]}"], place)
        for command, wanted in commands(gen, python):
            told = run(command, place)
            shown = " ".join(map(str, command[1:]))
            if not re.search(wanted, told):
                raise SystemExit(f"{shown} printed something else than was expected:\n{told}")
            print(f"{shown}: as it should be", flush=True)


if __name__ == "__main__":
    main()
