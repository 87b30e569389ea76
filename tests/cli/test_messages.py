"""Messages name options that there are: of the command at hand, or of another that they name."""

import re

import pytest
from option_names import OPTION, commands, modules, named

from gen_engine.cli.main import main

COMMANDS = list(commands())
ELSEWHERE = {
    "gen_engine.cli.commands.model_files": {"--model"},  # of all that write, told at the end
    "gen_engine.cli.commands.listing": {"--device"},  # of all that compute, told by `gen doctor`
    "gen_engine.cli.commands.models": {"--model"},  # what names are for
    "gen_engine.cli.commands.replay": {"--out"},  # of all that write
    "gen_vllm.rows": {"--no-async-scheduling"},  # of vLLM
    "gen_vllm.serving": {"--no-async-scheduling", "--logits-processors", "--speculative-config", "--tokenizer"},
    "gen_poem.commands.forms": {"--first", "--variant"},  # what the list is for
    "gen_engine.hooks.packages": {"--disable-pip-version-check", "--quiet", "--yes"},  # of pip
}
"""What options of other commands a file names on purpose."""


@pytest.mark.parametrize("name", [name for name in modules() if named(name)])
def test_every_option_named_in_a_message_exists_in_some_command(name):
    assert named(name) - set().union(*(options for _, _, options in COMMANDS)) - ELSEWHERE.get(name, set()) == set()


@pytest.mark.parametrize("module", sorted({module for _, module, _ in COMMANDS if module}))
def test_the_file_of_a_command_names_its_options_only(module):
    own = set().union(*(options for _, other, options in COMMANDS if other == module))
    assert named(module) - own - ELSEWHERE.get(module, set()) == set()


FAILING = [
    "text --model poem --prompt a --file b",
    "text --model poem --beams 2 --particles 3",
    "text --model poem --max-new 3 --with length=9",
    "text --model poem --max-new 3 --with only=han --with ban=han --with length=1..",
    "poem --cols 6 --form 五绝",
    "poem --tones strict --rows 4 --cols 6",
    "poem --form 五绝 --with ban=han",
    "ci --tune 浣溪沙 --with ban=han",
    "ci --tune 浣溪沙 --prompt 白日白日白日白",
    "novel --len 5 --with length=9",
    "couplet --first a",
    "couplet --first 春满人间 --prompt 春",
    "check nowhere",
    "eval poem gbk.txt",
    "eval lm gbk.txt --model poem",
    "eval lm rows.csv --model poem --column nosuch",
    "eval lm texts --model poem --column a",
    "eval couplet texts",
    "eval classifier --model poem rows.csv",
    "classify --model nowhere a",
    "classify --model poem --file rows.csv --column nosuch",
    "train gpt2 rows.csv --out out",
    "train gpt2 rows.csv --from-scratch --out out --column nosuch",
    "train mlm gbk.txt --from-scratch --out out",
    "train bert-lstm texts --out out",
    "train classifier rows.csv --out out",
    "train classifier rows.csv --from-scratch --out out --label nosuch",
    "train classifier gbk.csv --from-scratch --out out",
    "lint --model poem --chain texts",
    "convert texts out --base .",
]
"""Requests that fail, each in a way of its own."""


@pytest.mark.parametrize("words", FAILING)
def test_what_fails_names_options_of_its_command(tmp_path, monkeypatch, capsys, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}', encoding="utf-8")
    (tmp_path / "texts").write_text("春风\n" * 9, encoding="utf-8")
    (tmp_path / "rows.csv").write_text("text,label\n" + "春风,1\n夏雨,0\n" * 9, encoding="utf-8")
    for name in ("gbk.txt", "gbk.csv"):
        (tmp_path / name).write_bytes(("text,label\n" * (name[-1] == "v") + "春眠不觉晓,1\n").encode("gb18030"))
    assert main(words.split()) in (2, 3)
    told = re.sub(r"`[^`]*`", "", capsys.readouterr().err)
    options = next(options for command, _, options in COMMANDS if words.startswith(f"{command} "))
    assert set(OPTION.findall(told)) <= options
