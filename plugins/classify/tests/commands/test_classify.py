import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import classifier_folders as folders
import pytest
from click.testing import CliRunner
from terminals import as_terminal

from gen_classify.commands.classify import classify_command
from gen_classify.commands.train import try_classifying
from gen_classify.predicting import inputs
from gen_classify.predicting.classifier import load_classifier
from gen_engine.errors import GenError
from gen_engine.system.screen import cells
from gen_trainkit import portions

TEXTS = ["好山好水", "酒店差", "春夏秋冬"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return folders.write(tmp_path_factory.mktemp("classify") / "bert")


@pytest.fixture(scope="module")
def wanted(model):
    """What each text is labelled by the classifier itself."""
    classifier = load_classifier(model)
    shares = classifier.probabilities(TEXTS)
    return [
        (classifier.labels[place], row.max().item())
        for place, row in zip(classifier.choose(shares), shares, strict=True)
    ]


def run(model, *arguments, stdin=None):
    command = [str(argument) for argument in ("--model", model, *arguments)]
    return CliRunner().invoke(classify_command, command, input=stdin, catch_exceptions=False)


def labels(result):
    assert result.exit_code == 0
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    return [(label, pytest.approx(float(share), abs=1e-4)) for label, share, _ in lines]


def test_texts_are_labelled_alike_whether_typed_read_or_piped(model, wanted, tmp_path):
    lines, table = tmp_path / "lines.txt", tmp_path / "table.csv"
    lines.write_text("\n".join(TEXTS), encoding="utf-8")
    table.write_text("id,review\n" + "".join(f"{i},{text}\n" for i, text in enumerate(TEXTS)), encoding="utf-8-sig")
    for arguments in (TEXTS, ["--file", lines], ["--file", table, "--column=review"], ["--file", table, "--column=2"]):
        found = labels(run(model, *arguments))
        assert found[-3:] == wanted
    assert labels(run(model, stdin="\n".join(TEXTS))) == labels(run(model, "--file=-", stdin="\n".join(TEXTS)))


def test_lines_of_another_encoding_are_read_if_it_is_named(model, wanted):
    data = "\r\n".join(TEXTS).encode("gb18030")
    assert labels(run(model, "--encoding=gb18030", stdin=data)) == wanted
    with pytest.raises(GenError, match="not utf-8"):
        run(model, stdin=data)


def test_json_tells_everything(model, wanted):
    first, cut = map(json.loads, run(model, TEXTS[0], "好" * 100_000, "--json").stdout.splitlines())
    assert (first["number"], first["text"], first["label"]) == (1, TEXTS[0], wanted[0][0])
    assert first["probabilities"].keys() == set(folders.SENTIMENTS)
    assert first["probability"] == pytest.approx(wanted[0][1])
    assert "cut" not in first
    assert cut["cut"]


def test_top_tells_several_labels_from_likely_to_unlikely(model):
    label, share, other, rest, text = run(model, TEXTS[0], "--top=2").stdout.rstrip().split("\t")
    assert {label, other} == set(folders.SENTIMENTS)
    assert float(share) >= float(rest) == pytest.approx(1 - float(share), abs=2e-4)


def test_blank_and_endless_texts_are_said(model):
    result = run(model, "--json", stdin="\n好\n   \n" + "差" * 500)
    assert [json.loads(line)["number"] for line in result.stdout.splitlines()] == [2, 4]
    assert "2 texts without any character: left out." in result.stderr
    assert "1 text longer than the model reads: cut." in result.stderr


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("text", ["好" * 100, "word " * 40, "酒店差"])
def test_terminals_get_one_line_a_text_and_pipes_tabs(model, monkeypatch, width, text):
    piped = run(model, text).stdout
    assert len(piped.rstrip("\n").split("\t")) == 3
    as_terminal(monkeypatch, width, NO_COLOR="1")
    shown = run(model, text).stdout
    assert (cells(shown.rstrip("\n")) <= width, "\t" in shown) == (True, False)
    assert shown.split()[:2] == piped.split()[:2]


def test_line_breaks_of_a_text_stay_out_of_its_line(model):
    [line] = run(model, "好\n坏\t" + "山" * 100).stdout.splitlines()
    assert line.split("\t")[2] == "好 坏 " + "山" * 55 + "…"


def pair_file(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("one\ttwo\n好\t坏\n山\t水\n", encoding="utf-8")
    return path


def test_pairs_come_from_options_columns_and_lines(model, tmp_path):
    classifier = load_classifier(model)
    wanted = classifier.probabilities([("好", "坏"), ("山", "水")])
    typed = run(model, "好", "山", "--text2=坏", "--text2=水", "--json")
    columns = run(model, "--file", pair_file(tmp_path), "--column=one", "--column2=two", "--json")
    lines = run(model, "--pairs", "--json", stdin="好\t坏\n山\t水\n")
    assert typed.stdout == columns.stdout == lines.stdout
    shares = [json.loads(line)["probabilities"]["正向评价"] for line in lines.stdout.splitlines()]
    assert shares == pytest.approx(wanted[:, 1].tolist())


@pytest.mark.parametrize(
    "typed, pairs, found",
    [
        (["好", " ", "坏 ", "q", "不"], False, ["好", "坏"]),
        (["好", "坏", "山", "Q"], True, [("好", "坏")]),
        (["好"], False, ["好"]),
    ],
)
def test_the_prompt_asks_until_q_or_the_end(typed, pairs, found):
    def read(prompt):
        if not typed:
            raise EOFError
        return typed.pop(0)

    typed = list(typed)
    assert list(inputs.ask_texts(pairs, read)) == found


def test_a_person_at_the_terminal_is_asked(model, wanted, monkeypatch):
    monkeypatch.setattr(inputs.Source, "asks_a_person", True)
    answers = iter([TEXTS[0], TEXTS[1], "q"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(answers))
    assert labels(run(model)) == wanted[:2]


@pytest.mark.parametrize(
    "arguments, stdin, sentence",
    [
        (["好", "--file=a.txt"], None, "Both TEXT and --file"),
        (["好", "--text2=a", "--text2=b"], None, "1 TEXTs and 2 --text2"),
        (["--file=nowhere.txt"], None, "no file nowhere.txt"),
        (["--column=a"], "好\n", "Only tables have columns"),
        (["--pairs"], "好\n", "Line 1 is no pair"),
        ([""], None, "no text to classify"),
        ([], "", "no text to classify"),
        (["好", "--zero-shot=好?", "--text2=坏"], None, "about one text"),
    ],
)
def test_what_cannot_be_done_is_said(model, arguments, stdin, sentence):
    with pytest.raises(GenError, match=sentence):
        run(model, *arguments, stdin=stdin)


def test_contradicting_options_are_refused_before_a_model_is_looked_for():
    with pytest.raises(GenError, match="Both TEXT"):
        run("nowhere", "好", "--file=a.txt")


def test_a_question_is_asked_of_a_language_model(monkeypatch):
    from gen_classify.predicting import zero_shot

    def ask(model, texts, *, question, yes, no, language, template):
        assert (question, yes, no, language, template) == ("好吗？", "是", None, None, None)
        return [zero_shot.Answer("是", "否", 0.75, 0.5, cut=len(text) > 3) for text in texts]

    monkeypatch.setattr(zero_shot, "ask", ask)
    monkeypatch.setattr("gen_engine.load", lambda model, device: type("Engine", (), {"model": model}))
    found = json.loads(run("lm", "--zero-shot=好吗？", "--yes=是", "--json", "山山水水").stdout)
    assert (found["label"], found["probabilities"], found["cut"]) == ("是", {"是": 0.75, "否": 0.25}, True)


def test_bytes_typed_that_are_no_text_are_told():
    def read(prompt):
        return b"\xff".decode()

    with pytest.raises(GenError, match="Type it again, or give a --file"):
        list(inputs.ask_texts(False, read))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "gb18030", "utf-32"])
def test_standard_input_in_another_encoding_is_told_which(model, encoding):
    with pytest.raises(GenError, match=f"Standard input is .*ive --encoding {encoding}"):
        run(model, stdin="好山好水，酒店差。\n春夏秋冬\n".encode(encoding))


@pytest.mark.parametrize("text, what", [("好\0山", "a NUL"), ("\0", "a NUL"), ("好\n坏\0", "a NUL")])
def test_a_nul_in_standard_input_is_told(model, text, what):
    with pytest.raises(GenError, match=f"Line {1 + text.count(chr(10))} of standard input holds {what}"):
        run(model, stdin=text)


def test_a_dataset_is_read_by_split_and_rows_are_counted(model, wanted, tmp_path):
    datasets = pytest.importorskip("datasets")
    made = {name: datasets.Dataset.from_dict({"text": texts}) for name, texts in (("train", ["坏"]), ("test", TEXTS))}
    datasets.DatasetDict(made).save_to_disk(str(tmp_path / "d"))
    done = run(model, "--file", tmp_path / "d")
    assert labels(done) == wanted
    assert "3 texts read, 3 used." in done.stderr
    assert f"{tmp_path / 'd'}: rows of test, of the splits train, test." in done.stderr
    assert len(labels(run(model, "--file", tmp_path / "d", "--part=train"))) == 1


@pytest.mark.parametrize("quotes, count", [("trust", 2), ("repair", 3)])
def test_stray_quotes_are_refused_trusted_or_mended(model, tmp_path, quotes, count):
    table = tmp_path / "a.csv"
    table.write_text('text,label\n"好山,1\n酒店差",1\n春夏,1\n', encoding="utf-8")
    with pytest.raises(GenError, match="lines 2 to 3 of .*a.csv looks like 2 rows in one"):
        run(model, "--file", table)
    done = run(model, "--file", table, f"--quotes={quotes}")
    assert len(done.stdout.splitlines()) == count
    assert f"{count} texts read, {count} used." in done.stderr


@pytest.mark.parametrize("name", ["poem", "novel", "bert-fc-novel"])
def test_a_model_that_is_no_classifier_is_told_by_name(name):
    with pytest.raises(GenError, match=f"^{name} holds a .*, no classifier"):
        run(name, "好")


def test_batches_grow_from_one_text_and_none_is_lost():
    texts = list(enumerate("春夏秋冬" * 5))
    runs = list(inputs.in_runs(texts, 8))
    assert [len(run) for run in runs] == [1, 2, 4, 8, 5]
    assert [text for run in runs for text in run] == texts
    assert list(inputs.in_runs([], 8)) == []


@pytest.mark.parametrize(("text", "longest"), [("春" * 5, 4), (("春" * 9, "夏"), 2), ("春" * 50, 1)])
def test_runs_of_long_texts_are_short(monkeypatch, text, longest):
    monkeypatch.setattr(portions, "CHARACTERS", 20)
    runs = list(inputs.in_runs(enumerate([text] * 20), 8))
    assert max(map(len, runs)) == longest
    assert [numbered for run in runs for numbered in run] == list(enumerate([text] * 20))


@pytest.mark.slow
def test_a_line_is_labelled_before_the_next_is_typed(model, wanted):
    command = [sys.executable, "-m", "gen_engine", "classify", "--model", str(model)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdin.write(TEXTS[0] + "\n")
        process.stdin.flush()
        assert process.stdout.readline().startswith(wanted[0][0])
        process.communicate("\n".join(TEXTS[1:]), timeout=30)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_classified_stays_if_it_is_stopped(model, tmp_path, number):
    out = tmp_path / "labels.tsv"
    command = [sys.executable, "-m", "gen_engine", "classify", "--model", str(model), "--out", str(out)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        print(*TEXTS, sep="\n", file=process.stdin, flush=True)
        while not any(path.stat().st_size for path in tmp_path.glob(".*.tmp")):
            assert process.poll() is None
        process.send_signal(number)
        said = process.stderr.read().strip()
    count = len(out.read_text("utf-8").splitlines())
    assert said.startswith(f"gen: Stopped: {count} text{'s were' if count > 1 else ' was'} classified; {out}")
    assert process.returncode == 128 + number


@pytest.mark.parametrize("words", [("春" * 10**6,), ("-" + "春" * 99, "秋" * 10**6), ("春\n" * 99, "")])
def test_a_command_to_try_fits_on_a_screen(words):
    command = shlex.split(try_classifying(Path("m"), *words))
    assert len(command[-1]) == 60
    assert words[0].startswith(command[-1])
    assert all(len(word) <= 60 for word in command[4:])


def test_a_zero_shot_question_is_asked_on_the_device(monkeypatch):
    asked = []
    monkeypatch.setattr("gen_engine.load", lambda name, *, device: asked.append(device) or pytest.fail("asked"))
    with pytest.raises(pytest.fail.Exception):
        run("poem", TEXTS[0], "--zero-shot=好吗？", "--device=mps")
    assert asked == ["mps"]
