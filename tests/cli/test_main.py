"""The command line as a user meets it: what it prints, what it refuses and how it ends."""

import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace

import click
import pytest

from gen_engine.cli import main as cli
from gen_engine.cli import options
from gen_engine.errors import ConflictError, GenError, UndecidedError
from gen_engine.types import Completion, Conversion, Piece, Prompt


@dataclass
class StubEngine:
    """Writes 日 after any prompt and remembers what it was asked."""

    asked: list = field(default_factory=list)
    unknown: tuple = ()
    failure: BaseException | None = None
    folder: Path | None = None
    model: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(reproducible=True))

    @property
    def tokenizer(self):
        return SimpleNamespace(encode=lambda text: Prompt(text, (), (), self.unknown))

    def completions(self, prompt, *, processors, num, seed, max_new, decoder, patience, context, draws, draft):
        self.asked.append((prompt, processors, num, seed, max_new, decoder))
        return [
            Completion(prompt + "日", "日", (1,), -1.0, (-1.0,), "end", 7, sample, "stub", "float32")
            for sample in range(num)
        ]

    def pieces(self, requests):
        (asked,) = requests
        self.asked.append((asked.prompt, asked.processors, 1, asked.seed, asked.max_new, asked.decoder))
        yield 0, Piece(0, "日")
        if self.failure:
            raise self.failure


@pytest.fixture
def engine(monkeypatch):
    stub = StubEngine()
    stub.loaded = []

    def load(name, *, dtype, fast, device, attention):
        stub.loaded.append((name, dtype, fast, device, attention))
        return stub

    module = ModuleType("gen_engine.engine")
    module.load = load
    monkeypatch.setitem(sys.modules, "gen_engine.engine", module)
    return stub


def gen(*words, env=None):
    """Run `gen` in a process of its own."""
    command = [sys.executable, "-m", "gen_engine", *words]
    return subprocess.run(command, capture_output=True, env={**os.environ, **(env or {})}, check=False)


def test_a_text_is_streamed_after_its_prompt(engine, capsys):
    assert cli.main(["text", "--model", "m", "--prompt", "白"]) == 0
    assert capsys.readouterr().out == "白日\n"


def test_several_texts_are_printed_with_empty_lines_between(engine, capsys):
    cli.main(["text", "--model", "m", "--prompt", "白", "--num", "2"])
    assert capsys.readouterr().out == "白日\n\n白日\n"


def test_json_is_a_line_for_each_text(engine, capsys):
    cli.main(["text", "--model", "m", "--prompt", "白", "--num", "2", "--json"])
    assert [json.loads(line)["sample"] for line in capsys.readouterr().out.splitlines()] == [0, 1]


def test_shapers_with_own_options_apply_after_processors_in_written_order(engine):
    words = "--top-p .9 --with no_unk --top-k 50 --with top_k=3 --temperature 0.8 --model m".split()
    cli.main(["text", *words])
    assert engine.asked[0][1] == ("no_unk", "top_k=3", "temperature=0.8", "top_k=50", "top_p=0.9")


def test_choices_reach_the_engine(engine):
    words = "--model m --prompt 白 --seed 7 --max-new 5 --decoder greedy --dtype float32 --fast".split()
    cli.main(["text", *words, "--device", "cpu", "--attention", "sdpa"])
    assert engine.loaded == [("m", "float32", True, "cpu", "sdpa")]
    assert engine.asked == [("白", (), 1, 7, 5, "greedy")]


def test_unknown_characters_are_mentioned_and_kept(engine, capsys):
    engine.unknown = ("𠮷",)
    cli.main(["text", "--model", "m", "--prompt", "𠮷"])
    captured = capsys.readouterr()
    assert captured.out == "𠮷日\n"
    assert "does not know 𠮷" in captured.err


def test_texts_can_be_written_to_a_file(engine, capsys, tmp_path):
    cli.main(["text", "--model", "m", "--prompt", "白", "--out", str(tmp_path / "out.txt")])
    assert (tmp_path / "out.txt").read_text("utf-8") == "白日\n"
    assert capsys.readouterr().out == ""


def test_a_bad_file_is_noticed_before_a_model_is_loaded(engine, capsys, tmp_path):
    assert cli.main(["text", "--model", "m", "--out", str(tmp_path / "no" / "out.txt")]) == 2
    assert engine.loaded == []


def test_a_prompt_from_a_file_drops_its_last_line_break(engine, tmp_path):
    (tmp_path / "p.txt").write_bytes(b"\xef\xbb\xbf" + "白\r\n日\r\n".encode())
    cli.main(["text", "--model", "m", "--file", str(tmp_path / "p.txt")])
    assert engine.asked[0][0] == "白\n日"


def test_the_prompt_comes_from_standard_input(engine, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("白\n".encode())))
    cli.main(["text", "--model", "m", "--file", "-"])
    assert engine.asked[0][0] == "白"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("白", "p.txt"), "give one of them"),
        ((None, "no-such-file"), "no file no-such-file. Check the path"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_an_error(given, message):
    with pytest.raises(GenError, match=message):
        options.read_prompt(*given)


def test_a_closed_standard_input_is_an_error(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(GenError, match="Standard input is closed; name a file"):
        options.read_prompt(None, "-")


def test_a_prompt_in_another_encoding_is_an_error(tmp_path):
    (tmp_path / "gbk.txt").write_bytes("白日".encode("gb18030"))
    with pytest.raises(GenError, match="not utf-8 text. It looks like gb18030: convert it"):
        options.read_prompt(None, str(tmp_path / "gbk.txt"))


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (ConflictError("It cannot be; drop one.", ["a"]), 2, "gen: It cannot be; drop one.\n"),
        (UndecidedError("Not known; raise the limit."), 3, "gen: Not known; raise the limit.\n"),
        (OSError(5, "Bad"), 2, "gen: The output cannot be read or written (Bad); make room for it, or name another.\n"),
        (KeyboardInterrupt(), 130, "gen: Stopped.\n"),
    ],
)
def test_how_a_run_ends(engine, capsys, failure, code, said):
    engine.failure = failure
    assert cli.main(["text", "--model", "m", "--prompt", "白"]) == code
    captured = capsys.readouterr()
    assert captured.out == "白日\n"
    assert captured.err.strip() == said.strip()


@pytest.mark.parametrize("words", [["--debug", "text", "--model", "m"], ["text", "--debug", "--model", "m"]])
def test_debug_shows_where_an_error_is_from(engine, capsys, words):
    engine.failure = GenError("It cannot be; drop one.")
    assert cli.main(words) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["txet"], "gen: No such command 'txet'"),
        (["text"], "gen: Missing option '--model'; `gen text --help` shows what can be given.\n"),
        (["text", "--model", "m", "--num", "0"], "`gen text --help` shows what can be given.\n"),
        (["models", "add", "--debug=1"], "does not take a value; `gen models add --help` shows"),
        (["text", "--model", "m", "--num"], "gen: Option '--num' requires an argument; `gen text --help` shows"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_with_a_remedy(capsys, words, said):
    assert cli.main(words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["train"]])
def test_a_group_without_a_command_shows_its_help(capsys, words):
    code = cli.main(words)
    captured = capsys.readouterr()
    assert "Usage: gen" in captured.out + captured.err
    assert "gen: " not in captured.err
    assert code in (0, 2)  # click before 8.2 said 0


def test_an_error_nobody_expected_is_one_sentence(capsys):
    cli.one_sentence(options.Settings())(KeyError, KeyError("x"), None)
    assert capsys.readouterr().err == (
        "gen: Something went wrong inside (KeyError: 'x'); --debug shows where, please report it.\n"
    )


def test_an_error_nobody_expected_shows_its_trace_with_debug(capsys):
    cli.one_sentence(options.Settings(debug=True))(KeyError, KeyError("x"), None)
    assert capsys.readouterr().err == "KeyError: 'x'\n"


def test_help_and_version_end_well():
    assert gen("--version").stdout.startswith(b"gen ")
    assert (gen("--help").returncode, gen("-h").returncode) == (0, 0)


def test_chinese_is_read_and_written_where_the_locale_is_c():
    env = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert "命令" in gen("命令", env=env).stderr.decode("utf-8")


@pytest.mark.parametrize("command", ["processors", "plugins"])
def test_lists_are_tables_for_people_and_json_for_programs(capsys, command):
    assert cli.main([command]) == 0
    people = capsys.readouterr().out
    assert cli.main([command, "--json"]) == 0
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names
    assert all(name in people for name in names)


def test_the_list_of_models_is_json_for_programs(capsys):
    assert cli.main(["models", "--json"]) == 0
    for row in json.loads(capsys.readouterr().out):
        assert Path(row["folder"]).is_dir()


def test_the_list_of_processors_shows_how_each_is_written(capsys):
    cli.main(["processors", "--json"])
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["no_repeat"]["written"] == "no_repeat=N[,exempt=text|...]"
    assert rows["no_repeat"]["parameters"][0] == {"name": "n", "type": "whole number", "required": True}


def test_the_doctor_tells_versions_threads_and_the_dtype_with_reason():
    facts = json.loads(gen("doctor", "--json", env={"OMP_NUM_THREADS": "1"}).stdout)
    assert {"python", "torch", "threads", "OMP_NUM_THREADS", "import of core"} <= set(facts)
    assert re.fullmatch("int8 where .+; else (bfloat16|float32), since .+", facts["dtype auto"])
    assert re.fullmatch("[a-z0-9]+[:,] .+; GEN_KERNEL can force one", facts["int8 kernel"])
    assert re.fullmatch(".+: .+", facts["instructions"])
    assert all(facts[f"rows, {dtype}"].startswith("independent: ") for dtype in ("float32", "bfloat16"))


def test_no_color_is_heeded():
    coloured = re.compile(rb"\x1b\[[\d;]*(3|4|9|10)\d[;m]")
    assert coloured.search(gen("peom", env={"FORCE_COLOR": "1"}).stderr)
    assert not coloured.search(gen("peom", env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).stderr)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(capsys, shell):
    assert cli.main(["completion", shell]) == 0
    assert "_GEN_COMPLETE" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "expected"),
    [("gen tex", "plain,text"), ("gen text --with no_un", "plain,no_unk"), ("gen text --decoder gree", "plain,greedy")],
)
def test_commands_processors_and_decoders_are_completed(line, expected):
    env = {"_GEN_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    assert gen(env=env).stdout.decode().split() == [expected]


def test_folders_are_completed_where_a_model_is_asked_for():
    [item] = options._models(click.Context(cli.make_cli()), click.Option(["--model"]), "./runs")
    assert (item.value, item.type) == ("./runs", "dir")


def test_convert_says_what_it_wrote(monkeypatch, capsys, tmp_path):
    asked = []
    module = ModuleType("conversion")
    made = Conversion({"architectures": ["BertModel"]}, {}, ("Left out: cls.",))
    module.convert = lambda *files, **options: asked.append((files, options)) or made
    monkeypatch.setitem(sys.modules, "gen_engine.models.conversion", module)
    (tmp_path / "net.pt").touch()
    assert cli.main(f"convert {tmp_path}/net.pt {tmp_path}/out --base {tmp_path} --rename a=b".split()) == 0
    assert asked[0][0] == (tmp_path / "net.pt", tmp_path, tmp_path / "out")
    assert asked[0][1] == {"recipe": None, "architecture": None, "rename": ("a=b",), "leave_out": ()}
    assert capsys.readouterr().out == f"{tmp_path}/out holds a BertModel for transformers and gen\n"
