"""The law of the house under every set of instructions that the machine has: the same bits in any batch."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from gen_engine.cli.main import make_cli
from gen_engine.models import dtype, instructions, kernels
from gen_engine.models.instructions import BELOW_AMX, SETS, VARIABLES, choose_instructions
from gen_engine.models.kernels import Kernel, Layer
from gen_nextchar import runner

SCRIPT = Path(__file__).parents[1] / "support" / "batches.py"
HAS = [name for name, (_, flags) in SETS.items() if all(torch.cpu.get_capabilities().get(flag) for flag in flags)]
OLD = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"}
"""What makes the rest of torch take a processor for one with AVX2."""


def answers(limit, *arguments, **more):
    """What the script of batches prints where oneDNN may use no more than `limit`."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", VARIABLES[0]: limit, **more}
    command = [sys.executable, str(SCRIPT), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


NONE = {"1": 0, "3": 0, "16": 0, "64": 0}
BY_DEFAULT = ""
LIMITS = [BY_DEFAULT, *(name for name in HAS if name != HAS[0] or name not in (BELOW_AMX, "AVX512_CORE_BF16"))]
"""Without a limit, and with each that is another case than that."""
INTEGERS = ("AVX512_CORE_VNNI", "AVX2_VNNI_2", "AVX2_VNNI", "AVX")
"""Sets that compute floats as the next lower one does, or lie between two that are tried."""


@pytest.mark.parametrize(
    "limit",
    [pytest.param(limit, marks=[pytest.mark.slow] * (limit != LIMITS[0])) for limit in LIMITS if limit not in INTEGERS],
)
def test_a_request_gives_the_same_bits_in_every_batch(limit):
    found = answers(limit, "6", "4", "poem", "bert-lstm-novel")
    assert [each["differ"] for each in found] == [NONE] * 4
    assert all(each["reproducible"] for each in found)


@pytest.mark.slow
def test_so_it_does_where_all_of_torch_uses_avx2():
    found = answers("AVX2", "4", "4", "poem", "bert-fc-novel", "transformers", **OLD)
    assert [each["differ"] for each in found] == [NONE] * 6


@pytest.mark.slow
@pytest.mark.parametrize("limit", LIMITS)
def test_a_thousand_requests_give_the_same_bits_in_every_batch(limit):
    assert [each["differ"] for each in answers(limit, "1000", "10", "poem")] == [NONE] * 2


EARLY = """
from batches import opened
from gen_engine.models import instructions
flags = [flag for _, flags in instructions.SETS.values() for flag in flags]
instructions._features = lambda: dict.fromkeys(flags, True)
instructions.BELOW_AMX = "AVX2"
opened({kind!r}, "float32")
"""
"""Loads a model on what seems to have AMX, where a limit shows that this machine has, too."""


@pytest.mark.parametrize("kind", ["poem", pytest.param("bert-fc-novel", marks=pytest.mark.slow), "transformers"])
def test_the_limit_is_set_before_the_first_product(kind):
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    environment |= {"PYTHONPATH": str(SCRIPT.parent), "ONEDNN_VERBOSE": "1", "OMP_NUM_THREADS": "1"}
    code = EARLY.format(kind=kind) + "import torch; torch.ops.mkldnn._reorder_linear_weight(torch.ones(64, 64), 16)"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert re.search(r"cpu,isa:Intel AVX2\n", done.stdout)


# ----------------------------------------------------------------------------------------------- which are used


def processor(monkeypatch, *names, **limits):
    """Make this one a processor that has the instructions of these sets, with such limits in the environment."""
    has = dict.fromkeys((flag for name in names for flag in SETS[name][1]), True)
    monkeypatch.setattr(instructions, "_features", lambda: has)
    monkeypatch.setattr(instructions.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(os, "environ", limits)


AMX = list(SETS)
OTHERS = [list(SETS)[start:] for start in range(1, len(SETS))]


def test_amx_is_left_out_for_the_set_below_it(monkeypatch):
    processor(monkeypatch, *AMX)
    found = choose_instructions()
    assert os.environ == {VARIABLES[0]: BELOW_AMX}
    assert (found.name, found.bf16) == ("AVX-512 with bf16 and fp16", True)
    assert "not AMX" in found.reason
    assert choose_instructions() == found


@pytest.mark.parametrize("sets", OTHERS, ids=lambda sets: sets[0])
def test_a_processor_without_amx_is_used_as_it_is(monkeypatch, sets):
    processor(monkeypatch, *sets)
    found = choose_instructions()
    assert os.environ == {}
    assert (found.name, found.reason) == (SETS[sets[0]][0], "all that the processor has")
    assert found.bf16 == (sets[0] in ("AVX512_CORE_FP16", "AVX512_CORE_BF16"))


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("limit", ["AVX2", "avx512_core_amx", "AVX10_1_512_AMX", "ALL", "nonsense"])
def test_what_the_user_allows_is_kept(monkeypatch, variable, limit):
    processor(monkeypatch, *AMX, **{variable: limit})
    found = choose_instructions()
    assert os.environ == {variable: limit}
    assert found.name == ("AVX2" if limit == "AVX2" else "AVX-512 with AMX")
    assert found.bf16 == (limit != "AVX2")


@pytest.mark.parametrize("limit, bf16", [("AVX512_CORE_VNNI", False), ("AVX2_VNNI_2", False), ("AVX10_2", True)])
def test_the_dtype_goes_by_what_may_be_used(monkeypatch, limit, bf16):
    processor(monkeypatch, *SETS, ONEDNN_MAX_CPU_ISA=limit)
    assert dtype.choose_dtype("auto")[0] == (torch.bfloat16 if bf16 else torch.float32)
    assert dtype.choose_dtype("bfloat16") == (torch.bfloat16, "asked for")


def test_another_kind_of_processor_computes_in_float32(monkeypatch):
    monkeypatch.setattr(instructions.platform, "machine", lambda: "aarch64")
    assert dtype.choose_dtype("auto") == (torch.float32, "aarch64 multiplies bfloat16 no faster")


# ------------------------------------------------------------------------------------- what keeps rows apart


def mixing(monkeypatch, added, dtypes=(torch.float32, torch.bfloat16)):
    """Let every product of many rows be what a kernel may give that mixes them: `added(how many)` beside each row."""
    real = kernels._computed

    def computed(weight, *arguments, **options):
        compute = real(weight, *arguments, **options)
        wrong = compute is not None and weight.dtype in dtypes
        return (lambda x: compute(x) + added(len(x)).to(x.dtype)) if wrong else compute

    monkeypatch.setattr(kernels, "_computed", computed)
    kernels._kernel_of.cache_clear()


@pytest.fixture(autouse=True)
def _forget():
    yield
    kernels._kernel_of.cache_clear()


def by_place(count):
    return torch.arange(count)[:, None]


MIXING = {
    "by place": (by_place, (1,)),
    "the last of many": (lambda count: (by_place(count) == 127).float(), kernels.SIZES[:-1]),
    "by number": (lambda count: torch.tensor(float(count)), (16,)),
    "few": (lambda count: torch.tensor(float(count < 8)), kernels.SIZES[7:]),
    "odd": (lambda count: torch.tensor(float(count % 2)), tuple(s for s in kernels.SIZES if s % 2 == 0)),
    "blocks of six": (lambda count: (by_place(count) >= count // 6 * 6).float(), None),
}
"""Ways to mix rows, and which numbers of them may still be computed together."""


@pytest.mark.parametrize("added, sizes", MIXING.values(), ids=MIXING)
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_layers_keep_rows_apart_whatever_kernels_do(monkeypatch, added, sizes, kind):
    mixing(monkeypatch, added)
    layer, x = Layer(24, 33), torch.randn(200, 33).to(kind)
    linear = kernels.make_linear(torch.randn(24, 33).to(kind), torch.zeros(24).to(kind))
    assert sizes in (None, kernels.kernel_of(layer, kind).sizes)
    whole = linear(x)
    for count in (1, 2, 3, 5, 7, 16, 17, 63, 130, 199):
        assert torch.equal(linear(x[:count]), whole[:count])
        assert torch.equal(linear(x[-count:]), whole[-count:])


def test_float32_is_computed_in_where_only_bfloat16_mixes_rows(monkeypatch):
    processor(monkeypatch, *SETS)
    mixing(monkeypatch, by_place, [torch.bfloat16])
    assert dtype.choose_dtype("auto", [Layer(8, 8)])[0] == torch.float32
    assert dtype.choose_dtype("auto")[0] == dtype.choose_dtype("bfloat16", [Layer(8, 8)])[0] == torch.bfloat16
    mixing(monkeypatch, by_place)
    assert dtype.choose_dtype("auto", [Layer(8, 8)])[0] == torch.bfloat16


@pytest.mark.parametrize("activation", kernels.ACTIVATIONS)
@pytest.mark.parametrize("out", [1, 7, 16, 33])
def test_plain_layers_treat_the_last_numbers_as_all_others(monkeypatch, activation, out):
    monkeypatch.setattr(kernels, "_pack", lambda weight: None)
    kernels._kernel_of.cache_clear()
    linear = kernels.make_linear(torch.ones(out, 1), None, activation)
    for number in torch.linspace(-3, 3, 100).tolist():
        assert len(linear(torch.full((5, 1), number)).unique()) == 1


def test_a_kernel_says_what_it_does():
    assert str(Kernel(True, kernels.SIZES)) == "packed weights, any number of rows together"
    assert str(Kernel(True, kernels.SIZES[1:])) == "packed weights, at least 2 rows together"
    assert str(Kernel(False, (8, 16))) == "plain weights, only 8, 16 rows together"
    assert str(Kernel(True, (1,))) == "packed weights, each row by itself"


# ------------------------------------------------------------------------------------------- what users are told


COMMANDS = [
    "poem --rows 2 --cols 5",
    "poem --rows 2 --cols 5 --num 2 --json",
    "novel --prompt 却说 --len 5",
    "ci --tune 忆江南",
    "couplet --first 春满神州花似锦",
    "text --model poem --max-new 3",
    "text --model bert-fc-novel --max-new 3",
    "explain --model poem --max-new 3",
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("fast", [True, False])
def test_giving_up_a_promise_is_said_in_one_line(monkeypatch, command, fast):
    monkeypatch.setattr(Kernel, "any_rows", False)
    monkeypatch.setattr(runner, "sizes_apart", lambda model: (8, 16))
    done = CliRunner().invoke(make_cli(), [*command.split(), "--dtype", "float32", *["--fast"] * fast])
    assert done.exit_code == 0, done.output
    assert done.stderr.count("reproducible: false") == fast
    assert done.stderr.count("\n") == fast


@pytest.mark.parametrize("sets, told", [(SETS, "not AMX, which"), (OTHERS[0], "all that the processor has")])
def test_the_doctor_tells_which_instructions_are_used_and_why(monkeypatch, sets, told):
    processor(monkeypatch, *sets)
    facts = json.loads(CliRunner().invoke(make_cli(), ["doctor", "--json"]).stdout)
    assert facts["instructions"].startswith("AVX-512 with bf16 and fp16: " + told)
    assert "; else bfloat16, since AVX-512" in facts["dtype auto"]
    assert facts["rows, float32"].startswith("independent: packed weights, ")


def test_the_doctor_tells_where_rows_are_computed_by_themselves(monkeypatch):
    mixing(monkeypatch, by_place, [torch.bfloat16])
    facts = json.loads(CliRunner().invoke(make_cli(), ["doctor", "--json"]).stdout)
    assert facts["rows, bfloat16"].endswith("weights, each row by itself")
