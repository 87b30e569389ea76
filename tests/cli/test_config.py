"""Defaults come from files, in one order, and what is wrong in a file is told by its name."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gen_engine.cli import main as cli
from gen_engine.cli import output
from gen_engine.cli.config import Defaults, Setting, loaded, mention_used, options_of, typed
from gen_engine.cli.main import make_cli
from gen_engine.cli.options import Settings
from gen_engine.cli.tasks import hosted
from gen_engine.models.device import VARIABLE


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working folder, with a user's file beside it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("GEN_CONFIG", str(tmp_path / "user.toml"))
    return tmp_path


@pytest.fixture
def chosen(folder, monkeypatch):
    """Runs `gen text` up to its engine, under these files; what it would use."""

    def stop(chosen):
        found.append(chosen)
        raise click.Abort

    found = []
    monkeypatch.setattr("gen_engine.cli.commands.text.load_chosen", stop)

    def run(*words, user="", project=""):
        (folder / "user.toml").write_text(user, encoding="utf-8")
        (folder / "work" / "gen.toml").write_text(project, encoding="utf-8")
        cli.main(["text", *words])
        return found[-1]

    return run


MODEL = '[text]\nmodel = "m"\n'


def test_the_order_is_line_environment_project_user_built_in(chosen, monkeypatch):
    shared = '[defaults]\ndevice = "cuda"\n'
    own = '[text]\nmodel = "m"\ndevice = "mps"\n'
    assert chosen(user=MODEL).device == "auto"
    assert chosen(user=MODEL + shared).device == "cuda"
    assert chosen(user=own + shared).device == "mps"
    assert chosen(user=own, project=shared).device == "cuda"
    monkeypatch.setenv(VARIABLE, "cuda:3")
    assert chosen(user=own, project=shared).device == "cuda:3"
    assert chosen("--device", "cpu", user=own, project=shared).device == "cpu"


def test_values_of_all_types_are_used(chosen):
    found = chosen(user=MODEL + 'num = 3\ntop_p = 1\njson = true\nmax-new = 5\nwith = ["no_unk", "top_k=4"]\n')
    assert (found.num, found.json, found.processors) == (3, True, ("no_unk", "top_k=4", "top_p=1.0"))


def test_a_list_that_is_typed_replaces_that_of_files(chosen):
    assert chosen("--with", "top_k=9", user=MODEL + 'with = ["no_unk"]\n').processors == ("top_k=9",)


WRONG = [
    ("[text]\nnmu = 3\n", "sets text.nmu, and `gen text` has no option 'nmu'; did you mean num?"),
    ("[defaults]\nrows = 3\n", "sets defaults.rows, and [defaults] has no option 'rows', since not all commands"),
    ("[text]\nzzz = 3\n", "sets text.zzz, and `gen text` has no option 'zzz'; `gen text --help` lists what there is."),
    ('[text]\nnum = "3"\n', "text.num is '3'; give a whole number."),
    ("[text]\nnum = 1.5\n", "text.num is 1.5; give a whole number."),
    ("[text]\nnum = true\n", "text.num is True; give a whole number."),
    ("[text]\nnum = 0\n", "text.num is 0 (0 is not in the range x>=1); give another value."),
    ('[text]\ndtype = "int4"\n', "text.dtype is 'int4' ("),
    ("[text]\njson = 1\n", "text.json is 1; give true or false."),
    ("[text]\nwith = [3.5, []]\n", "text.with is []; give a text."),
    ("text = 3\n", "text is 3; write a section, [text], with options in it."),
    ('[text]\nout = "x"\n', "sets text.out, and --out says what is written where, or is for once"),
    ("[text\n", "TOML (Expected ']' at the end of a table declaration (at line 1, column 6)); mend it, or move"),
]


@pytest.mark.parametrize("place", ["user.toml", "work/gen.toml"])
@pytest.mark.parametrize("text, words", WRONG)
def test_what_is_wrong_in_a_file_is_one_sentence(folder, capsys, place, text, words):
    (folder / place).write_text(text, encoding="utf-8")
    assert cli.main(["text", "--model", "poem"]) == 2
    [told] = capsys.readouterr().err.splitlines()
    assert words in told
    assert place.rpartition("/")[2] in told


@pytest.mark.parametrize("key", ["batch.fresh", "models.card.write", "eval.poem.picture", "eval.classifier.curve"])
def test_no_file_replaces_what_is_there(folder, capsys, key):
    assert cli.main(["config", "set", key, "true"]) == 2
    assert "says what is written where, or is for once" in capsys.readouterr().err


@pytest.mark.parametrize("text", [text for text, _ in WRONG])
@pytest.mark.parametrize("words", ["text --help", "--help", "config path", "config set novel.num 3", "--version"])
def test_help_and_config_work_whatever_a_file_says(folder, capsys, text, words):
    (folder / "user.toml").write_text(text, encoding="utf-8")
    assert cli.main(words.split()) == 0


def test_an_option_from_a_file_is_named_where_it_harms(chosen, capsys, folder):
    (folder / "work" / "gen.toml").write_text('[text]\ndevice = "tpu"\n', encoding="utf-8")
    assert cli.main(["text", "--model", "poem"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == "note: --device is from gen.toml (text.device)."


def test_what_files_set_is_taken_back(chosen):
    text = MODEL + 'json = true\nnum = 4\nwith = ["no_unk"]\ntop_k = 3\n'
    found = chosen("--unset", "json", "--unset=--with", "--unset", "top-k", user=text, project="[defaults]\nnum = 5\n")
    assert (found.json, found.processors, found.num) == (False, (), 5)
    assert chosen("--unset", "num", user=text, project="[defaults]\nnum = 5\n").num == 1
    assert chosen("--num", "2", "--unset", "num", user=text).num == 2


def test_what_is_typed_is_not_from_a_file(folder, capsys):
    (folder / "user.toml").write_text("[text]\nnum = 3\n", encoding="utf-8")
    assert cli.main(["text", "--model", "poem", "--num", "0"]) == 2
    assert "is from" not in capsys.readouterr().err


def test_what_a_file_of_the_command_says_is_taken_back(folder, capsys):
    (folder / "chain.toml").write_text('model = "poem"\nwith = ["no such"]\n', encoding="utf-8")
    assert cli.main(["lint", "--chain", str(folder / "chain.toml")]) == 2
    assert cli.main(["lint", "--unset", "with", "--chain", str(folder / "chain.toml")]) == 0


def leaves(group, words=()):
    """Every command but `gen config`, with its words."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name)) if name != "config" else ()
        else:
            yield (*words, name), loaded(command)


ALL = dict(leaves(make_cli()))


@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_flags_and_lists_of_every_command_are_taken_back(folder, words):
    options = {name: each for name, each in options_of(ALL[words]).items() if each.is_flag or each.multiple}
    texts = {name: "true" if each.is_flag else '["1"]' for name, each in options.items()}
    (folder / "user.toml").write_text("\n".join([f"[{'.'.join(words)}]", *map(" = ".join, texts.items())]), "utf-8")
    parent = click.Context(make_cli(), info_name="gen", default_map=Defaults(make_cli()))
    for name in words[:-1]:
        parent = click.Context(parent.command.commands[name], parent=parent, info_name=name)
    assert set(Defaults(ALL[words], words)) == {each.name for each in options.values()}
    unset = [part for name in options for part in ("--unset", name)]
    context = ALL[words].make_context(words[-1], unset, parent=parent, resilient_parsing=True)
    assert dict(context.default_map) == {}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("jsn", "--unset jsn: `gen text` has no option 'jsn'; did you mean json?"),
        ("--out", "No file sets --out; leave"),
    ],
)
def test_what_no_file_sets_cannot_be_taken_back(folder, capsys, name, told):
    assert cli.main(["text", "--model", "m", "--unset", name]) == 2
    assert capsys.readouterr().err.startswith(f"gen: {told}")


def test_hosts_and_programs_see_no_option_more(folder):
    cli.main(["text", "--help"])
    assert "unset" not in {each.name for each in ALL[("text",)].params}
    assert "--unset" not in CliRunner().invoke(make_cli(), ["text", "--help"]).stdout


def test_a_section_of_no_command_is_mentioned_once(chosen, capsys):
    chosen(user=MODEL + "[tetx]\nnum = 3\n")
    told = capsys.readouterr().err
    assert told.count("has a section 'tetx', which is no command; did you mean text?") == 1


@dataclass
class Taker:
    """A host; it keeps what a command chose."""

    chosen: list = field(default_factory=list)

    def engine(self, chosen):
        self.chosen.append(chosen)
        raise click.Abort


@pytest.mark.parametrize("through", ["its own", "ours"])
def test_hosted_commands_take_no_defaults(folder, through):
    (folder / "user.toml").write_text("[text]\nnum = 7\n[defaults]\ntop_k = 2\n", encoding="utf-8")
    taker = Taker()
    with hosted(taker), pytest.raises(click.Abort):
        if through == "ours":
            cli.main(["text", "--model", "m"])
            raise click.Abort
        make_cli().main(["text", "--model", "m"], prog_name="gen", obj=Settings(), standalone_mode=False)
    assert (taker.chosen[0].num, taker.chosen[0].processors) == (1, ())


def run(capsys, *words):
    """The exit code, and what a command printed on standard output and standard error."""
    code = cli.main(["config", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_values_are_set_shown_and_removed(folder, capsys):
    assert run(capsys, "set", "text.max-new", "4")[0] == 0
    assert run(capsys, "set", "text.with", "no_unk", "top_k=5", "--project")[0] == 0
    assert (folder / "user.toml").read_text() == "[text]\nmax_new = 4\n"
    rows = {row["name"]: (row["value"], row["from"]) for row in json.loads(run(capsys, "show", "--json")[1])}
    assert rows == {"text.max_new": (4, str(folder / "user.toml")), "text.with": (["no_unk", "top_k=5"], "gen.toml")}
    shown = {row["name"]: row["from"] for row in json.loads(run(capsys, "show", "text", "--json")[1])}
    assert (shown["text.max_new"], shown["text.num"]) == (f"{folder / 'user.toml'}: text.max_new", "built in")
    assert run(capsys, "unset", "text.max-new")[0] == 0
    assert "has no text.max_new" in run(capsys, "unset", "text.max_new")[2]


def test_show_tells_what_is_hidden_and_what_is_wrong(folder, capsys, monkeypatch):
    (folder / "user.toml").write_text("[text]\nnum = 4\nnmu = 1\n", encoding="utf-8")
    (folder / "work" / "gen.toml").write_text("[text]\nnum = 5\n", encoding="utf-8")
    rows = json.loads(run(capsys, "show", "--json")[1])
    told = [(row["name"], row["value"], row.get("problem", "")) for row in rows]
    assert told[:2] == [("text.num", 5, ""), ("text.num", 4, "gen.toml comes first")]
    assert told[2][2].endswith("did you mean num?")
    monkeypatch.setenv(VARIABLE, "cuda:3")
    (folder / "user.toml").write_text('[text]\ndevice = "cpu"\n', encoding="utf-8")
    assert {row["name"]: row["from"] for row in json.loads(run(capsys, "show", "text", "--json")[1])}[
        "text.device"
    ] == VARIABLE


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("set text.nmu 3", "`gen text` has no option 'nmu'; did you mean num?"),
        ("set tetx.num 3", "No defaults are kept for 'tetx'; did you mean text?"),
        ("set text.num three", "text.num is 'three'; give a whole number."),
        ("set defaults.device nope", "'nope' is no device; choose auto, cpu, cuda, cuda:N or mps."),
        ("set train.gpt2.device nope", "'nope' is no device; choose"),
        ("set replay.device nope", "'nope' is no device; choose"),
        ("set text.decoder beem", "There is no decoder 'beem'; did you mean 'beam'?"),
        ("set text.with no_unk top_kk=3", "There is no processor 'top_kk'; did you mean 'top_k'?"),
        ("set eval.lm.with top_k=3,4", "has no key=value after a comma"),
        ("set text.num 3 4", "text.num takes one value, and 2 were given"),
        ("set text.json maybe", "text.json is 'maybe'; give true or false."),
        ("set num 3", "'num' is no name of a default; write COMMAND.OPTION"),
        ("set config.project true", "No defaults are kept for 'config'; `gen --help` lists what there is."),
        ("set text.out x", "give it on the command line"),
        ("set defaults.rows 3", "since not all commands that write have it; did you mean groups, or COMMAND.rows for"),
        ("set defaults.zzz 3", "since not all commands that write have it; write COMMAND.zzz for one command."),
        ("show train", "`gen train` itself has no options that files set; name one of its commands: "),
        ("show completion", "`gen completion` itself has no options that files set; `gen config show` tells"),
        ("unset text.num", "has no text.num; `gen config show` tells what is set."),
    ],
)
def test_what_cannot_be_set_is_one_sentence_and_writes_nothing(folder, capsys, words, sentence):
    code, _, told = run(capsys, *words.split())
    assert (code, sentence in told, told.count("\n")) == (2, True, 1)
    assert not (folder / "user.toml").exists()


def test_an_empty_variable_means_no_file(folder, capsys, monkeypatch):
    monkeypatch.setenv("GEN_CONFIG", "")
    assert "GEN_CONFIG is empty" in run(capsys, "set", "text.num", "3")[2]
    assert cli.main(["models", "--json"]) == 0


def test_a_model_becomes_the_default(folder, capsys):
    assert cli.main(["models", "default", "novel", "--command", "text"]) == 0
    assert cli.main(["models", "default", "bert-fc-novel"]) == 0
    assert (folder / "user.toml").read_text() == '[text]\nmodel = "novel"\n\n[defaults]\nmodel = "bert-fc-novel"\n'
    capsys.readouterr()
    cli.main(["models", "default"])
    lines = [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()]
    assert ["text", "novel"] in lines
    assert ["poem", "bert-fc-novel"] in lines


@pytest.mark.parametrize("words", ["nosuch", "poem --command nosuch"])
def test_no_default_model_that_is_not_there(folder, capsys, words):
    assert cli.main(["models", "default", *words.split()]) == 2
    assert not (folder / "user.toml").exists()


def test_the_engine_is_loaded_as_a_file_says(folder, monkeypatch):
    (folder / "user.toml").write_text('[poem]\nmodel = "novel"\nbest_of = 1\n', encoding="utf-8")
    seen = []
    monkeypatch.setattr(
        output, "load_engine", lambda name, **_: seen.append(name) or (_ for _ in ()).throw(click.Abort)
    )
    cli.main(["poem"])
    assert seen == ["novel"]


def option_of(command, name):
    """An option of a command."""
    return options_of(loaded(make_cli().commands[command]))[name]


@pytest.mark.parametrize(("word", "value"), [("Yes", True), ("TRUE", True), ("Off", False), ("0", False)])
def test_truths_are_typed_in_any_case(word, value):
    assert typed(option_of("poem", "fast"), (word,), ("poem", "fast")) is value


def test_an_option_that_a_message_names_is_told(capsys):
    used = [Setting(option_of("poem", name), 8, ("poem", name), Path("mine.toml")) for name in ("rows", "cols")]
    mention_used(used, "--rows is 8, which is too much.")
    assert capsys.readouterr().err == "note: --rows is from mine.toml (poem.rows).\n"


def test_show_tells_names_that_are_none(folder, capsys):
    (folder / "user.toml").write_text('[defaults]\ndevice = "nope"\nwith = ["nosuch"]\n', encoding="utf-8")
    device, processor = json.loads(run(capsys, "show", "--json")[1])
    assert device["problem"].startswith("'nope' is no device; choose")
    assert processor["problem"].startswith("There is no processor 'nosuch'")
