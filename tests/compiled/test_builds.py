"""The compiled library built otherwise: with sanitizers, and with AMX emulated, which few processors have."""

import os
import platform
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "gen_engine/compiled/source/step.cpp"
COMPILER = shutil.which("g++")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(COMPILER is None, reason="needs g++")]


def build(path, *options):
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    flags = settings["tool"]["setuptools"]["ext-modules"][0]["extra-compile-args"]
    subprocess.run([COMPILER, *flags, "-fPIC", "-shared", *options, SOURCE, "-o", path], check=True)
    return path


def run_tests(library, *tests, **variables):
    options = ["-q", "-p", "other_library", "-p", "no:cacheprovider", "-m", "not slow", "--hypothesis-profile=ci"]
    given = os.environ | {"GEN_OTHER_LIBRARY": str(library), "PYTHONPATH": str(ROOT / "tests/support")} | variables
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests], env=given, cwd=ROOT, capture_output=True, text=True
    )
    assert not found.returncode, found.stdout[-3000:] + found.stderr[-3000:]
    return found.stdout


def test_sanitizers_find_nothing(tmp_path):
    checks = "-fsanitize=address,undefined"
    library = build(tmp_path / "step.so", checks, "-fno-sanitize-recover=all", "-g", "-O1")
    runtime = subprocess.run([COMPILER, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    variables = {"LD_PRELOAD": runtime.stdout.strip(), "ASAN_OPTIONS": "detect_leaks=0"}
    assert " passed" in run_tests(library, "tests/compiled", **variables)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="needs the other kernels of x86-64")
def test_tiles_give_the_bits_of_numpy(tmp_path):
    if "avx512_vnni" not in Path("/proc/cpuinfo").read_text(encoding="utf-8"):
        pytest.skip("needs AVX-512 VNNI beside the emulated tiles")
    library = build(tmp_path / "step.so", "-include", str(ROOT / "tests/support/tiles_emulated.h"))
    told = run_tests(library, "tests/compiled/test_transformer.py", "-k", "amx", GEN_ASSUMED_KERNEL="amx")
    assert " passed" in told
    assert "amx" not in told.partition("passed")[2]
