"""`gen replay` writes results again: the same, or it says what differs, the causes first."""

import json
import re

import pytest

from gen_engine.cli.commands import replay
from gen_engine.cli.main import main
from gen_engine.cli.provenance import KEY

ASKED = ["text", "--model", "poem", "--prompt", "白日", "--max-new", "6", "--seed", "1", "--num", "3", "--json"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The results of a command, as JSON values."""
    out = tmp_path_factory.mktemp("made") / "out.jsonl"
    assert main([*ASKED, "--out", str(out)]) == 0
    return [*map(json.loads, out.read_text("utf-8").splitlines())]


@pytest.fixture
def replayed(tmp_path, capsys):
    """Replays values, or lines as they are; the exit code, the lines printed and what stands on standard error."""

    def run(*values, options=()):
        lines = [each if isinstance(each, str) else json.dumps(each, ensure_ascii=False) for each in values]
        (tmp_path / "results").write_text("\n".join(lines) + "\n", encoding="utf-8")
        code = main(["replay", str(tmp_path / "results"), *options])
        told = capsys.readouterr()
        return code, told.out.splitlines(), told.err

    return run


def edited(result, **changes):
    """A result, with other entries of its origin."""
    return {**result, KEY: {**result[KEY], **changes}}


def test_results_are_written_again_in_any_order(made, replayed):
    assert replayed(*made[::-1], made[1])[:2] == (0, [f"Line {number}: same" for number in range(1, 5)])


def test_texts_of_one_request_are_written_by_one(made, replayed, monkeypatch):
    begun, whole = [], replay.Origin.request
    monkeypatch.setattr(replay.Origin, "request", lambda made, engine: begun.append(made) or whole(made, engine))
    assert replayed(*made)[0] == 0
    assert len(begun) == 1


def test_the_first_character_that_differs_is_told(made, replayed):
    text = made[0]["text"]
    code, [line], _ = replayed({**made[0], "text": text[:4] + "口" + text[5:]})
    assert (code, line.startswith("Line 1: differs at character 5 ('口")) == (1, True)
    code, [line], _ = replayed({**made[0], "text": text + "口"})
    assert (code, f"differs at character {len(text) + 1} ('口' then, '' now)" in line) == (1, True)


CHANGES = [
    ({"hash": "0" * 16}, "the hash of the model poem is [0-9a-f]{16}, was 0{16}"),
    ({"versions": {"gen-engine": "0.3.0"}}, r"gen-engine is 0\.4\.0, was 0\.3\.0"),
    ({"versions": {"gen-tides": "1.0"}}, r"gen-tides is not installed, was 1\.0"),
    ({"dtype": "float16"}, "the dtype is int8, was float16"),
    ({"device": "cuda:7"}, "the device is cpu, was cuda:7"),
]


@pytest.mark.parametrize("changes, words", CHANGES)
def test_what_else_is_different_is_named_before_the_texts(made, replayed, changes, words):
    code, [line], _ = replayed(edited(made[0], **changes))
    assert (code, bool(re.fullmatch(f"Line 1: {words}; same", line))) == (0, True), line
    code, [line], _ = replayed({**edited(made[0], **changes), "text": "白日口"})
    assert (code, bool(re.match(f"Line 1: {words}; differs at character 3 ", line))) == (1, True), line


def test_another_model_writes_and_is_told(made, replayed):
    code, [line], _ = replayed(made[0], options=["--model", "novel"])
    assert (code, line.startswith("Line 1: the hash of the model novel is ")) == (1, True)


@pytest.mark.parametrize("device", ["cuda:7", "mars"])
def test_a_device_asked_for_is_taken_or_refused(made, replayed, device):
    code, lines, errors = replayed(made[0], options=["--device", device])
    assert (code, lines) == (2, [])
    assert re.search("There is no CUDA device|There are|'mars' is no device; choose", errors), errors


def test_what_need_not_be_the_same_is_excused(made, replayed):
    code, [line], _ = replayed({**made[0], "text": "白日口", "reproducible": False})
    assert (code, line.endswith("now), as it may: it was not reproducible")) == (1, True)


BAD = [
    ("{", r"damaged JSON \(Expecting property name enclosed in double quotes: line \d column \d \(char \d\)\); take"),
    ("3", "without a text"),
    ('{"text": "白"}', "does not tell how it was made; only results of writing commands and typed endpoints do"),
    ({"model": "nosuch"}, r"The model nosuch is not here \(There is no model 'nosuch'.*\); get it, .*--model"),
    ({"processors": ["nosuch=1"]}, "There is no processor 'nosuch'"),
    ({"decoder": "nosuch"}, "There is no decoder 'nosuch'"),
    ({"num": "x"}, "has num as 'x'"),
    ({"sample": 3}, "has no text number 3"),
    ({"context": {"user": "白"}}, "has no chat template"),
    ({"context": {"some": "白"}}, "as a text; take the result as it was written"),
]


@pytest.mark.parametrize("bad, words", BAD)
def test_bad_results_are_one_sentence_each_and_stop_nothing(made, replayed, bad, words):
    bad = edited(made[0], **bad) if isinstance(bad, dict) else bad
    code, lines, errors = replayed(made[0], bad, made[1])
    assert (code, lines) == (2, ["Line 1: same", "Line 3: same"])
    first, last = errors.splitlines()
    assert re.match(f"gen: Line 2 cannot be replayed: .*{words}", first)
    assert (first[-1], last) == (".", "2 same, 1 not replayed")


def test_an_answer_over_several_lines_is_read(made, replayed):
    whole = json.dumps({"texts": made}, ensure_ascii=False, indent=1)
    assert replayed(whole)[:2] == (0, [f"The file, text {number}: same" for number in (1, 2, 3)])


def test_verdicts_are_json_for_programs(made, replayed):
    other = {**edited(made[0], hash="0"), "text": "白日口"}
    _, lines, _ = replayed(made[0], other, "{", options=["--json"])
    same, different, bad = map(json.loads, lines)
    assert (same["same"], same["changes"], bad["where"], "problem" in bad) == (True, [], "Line 3", True)
    assert (different["same"], different["position"], different["changes"][0]["then"]) == (False, 3, "0")


def test_a_file_without_results_is_refused(replayed):
    assert "has no results; name a file" in replayed("")[2]


def test_a_damaged_long_file_is_read_line_by_line(tmp_path, monkeypatch):
    monkeypatch.setattr(replay, "TEXTS", 50)
    lines, read = ["{", *['{"text": "白"}'] * 40], []
    monkeypatch.setattr(replay, "read_lines", lambda file: (read.append(line) or f"{line}\n" for line in lines))
    found = replay.read_results("file")
    assert next(found)[0] == "Line 1"
    assert len(read) < 10
    assert [where for where, _ in found] == [f"Line {number}" for number in range(2, 42)]


def test_a_long_value_over_several_lines_is_refused(replayed, monkeypatch):
    monkeypatch.setattr(replay, "TEXTS", 50)
    code, _, told = replayed(json.dumps({"texts": [{"text": "白"}] * 9}, indent=1))
    assert (code, "over 50 characters, which is more than is read whole; write a result a line" in told) == (2, True)


def test_an_array_with_an_element_a_line_is_read(made, replayed):
    lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in made)
    assert replayed(f"[\n{lines}\n]")[:2] == (0, [f"The file, text {number}: same" for number in (1, 2, 3)])
