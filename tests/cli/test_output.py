"""What is printed and written: whole texts, JSON lines, tables."""

import io
import json
import math
from dataclasses import dataclass, replace

import pytest

from gen_engine.cli.options import Choice
from gen_engine.cli.output import Choosing, continue_text, dump, mention_unknown, record, stream, write
from gen_engine.types import Completion, Piece, Prompt


def completion(text="白日，依山。", new="日，依山。", **other):
    return Completion(text, new, (1, 2), -1.5, (-1.0, -0.5), "end", 7, 0, "poem", "bfloat16", **other)


@dataclass
class StubEngine:
    """Writes 日 after any prompt."""

    folder: None = None

    def completions(self, prompt, *, processors, num, seed, max_new, decoder, patience, context, draws, draft):
        return [completion(prompt + "日")] * num

    def pieces(self, requests):
        return iter([(0, Piece(0, "日", completion("白日")))])


def lines_of_three(text):
    return [text[i : i + 3] for i in range(0, len(text), 3)]


RECORD = {
    "text": "白日，依山。",
    "new": "日，依山。",
    "lines": ["白日，", "依山。"],
    "logprob": -1.5,
    "seed": 7,
    "sample": 0,
    "model": "poem",
    "dtype": "bfloat16",
    "device": "cpu",
    "exact": True,
    "reproducible": True,
    "portable": False,
    "finish": "end",
    "undone": [],
}


def test_a_record_says_what_programs_need():
    assert record(completion(), lines_of_three) == RECORD


@pytest.mark.parametrize("logprob", [math.nan, -math.inf])
def test_json_has_null_for_what_is_no_number(logprob):
    assert record(replace(completion(), logprob=logprob))["logprob"] is None


def test_people_see_texts_laid_out_with_an_empty_line_between(capsys):
    file = io.StringIO()
    write(file, [completion(), completion()], as_json=False, layout=lines_of_three)
    assert file.getvalue() == "白日，\n依山。\n\n白日，\n依山。\n"


def test_programs_get_a_line_of_readable_json_each():
    file = io.StringIO()
    write(file, [completion("白\n日")] * 2, as_json=True)
    first, _ = file.getvalue().splitlines()
    assert "白" in first
    assert json.loads(first)["lines"] == ["白", "日"]


def test_a_shaper_that_was_undone_is_named_on_standard_error(capsys):
    write(io.StringIO(), [completion(undone=("min_p=2",))], as_json=True)
    assert capsys.readouterr().err.startswith("note: min_p=2 left nothing to choose from")


def test_a_stream_is_written_in_pieces_and_ends_its_line(tmp_path):
    path, seen = tmp_path / "out", []

    def pieces():
        for piece in ("日", "", "依山"):
            seen.append(path.read_text("utf-8"))
            yield piece

    with path.open("w", encoding="utf-8") as file:
        stream(file, "白", pieces())
    assert (seen, path.read_text("utf-8")) == (["白", "白日", "白日"], "白日依山\n")


def test_a_stream_that_ends_its_own_line_gets_no_other():
    file = io.StringIO()
    stream(file, "白", ["日\n"])
    assert file.getvalue() == "白日\n"


def test_what_was_streamed_stays_after_an_interrupt():
    def pieces():
        yield "日"
        raise KeyboardInterrupt

    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        stream(file, "白", pieces())
    assert file.getvalue() == "白日\n"


@pytest.mark.parametrize(
    ("num", "as_json", "expected"), [(1, False, "白日\n"), (2, False, "白日\n\n白日\n"), (1, True, '{"text": "白日"')]
)
def test_one_text_is_streamed_and_several_are_written(num, as_json, expected):
    file = io.StringIO()
    chosen = Choice("m", (), num, None, "sample", "auto", False, None, as_json)
    continue_text(file, StubEngine(), "白", chosen, processors=(), max_new=1)
    assert file.getvalue().startswith(expected)


def second_of_two(drawn):
    return ((done, {"of": 2}) for _, done in zip(drawn, drawn, strict=True))


@pytest.mark.parametrize(("num", "as_json"), [(1, False), (3, False), (1, True), (2, True)])
def test_one_of_several_texts_is_written_whole_with_its_facts(num, as_json):
    file, asked = io.StringIO(), []
    engine = StubEngine()
    engine.completions = lambda _, num, **options: asked.append(num) or map(completion, map(str, range(num)))
    chosen = Choice("m", (), num, None, "sample", "auto", False, None, as_json)
    continue_text(file, engine, "", chosen, processors=(), max_new=1, choosing=Choosing(2, second_of_two))
    wanted = [str(2 * i + 1) for i in range(num)]
    found = [(each["text"], each["of"]) for each in map(json.loads, file.getvalue().splitlines())] if as_json else []
    assert asked == [2 * num]
    assert found == [(text, 2) for text in wanted] if as_json else file.getvalue().split() == wanted


def test_unknown_characters_are_mentioned_once(capsys):
    mention_unknown(Prompt("𠮷白", (0, 1), ((0, 1), (1, 2)), unknown=("𠮷",)))
    mention_unknown(Prompt("白", (1,), ((0, 1),)))
    assert capsys.readouterr().err == "note: the model does not know 𠮷: kept as typed, read as [UNK].\n"


def test_json_for_programs_is_readable(capsys):
    dump([{"name": "诗"}])
    assert '"诗"' in capsys.readouterr().out


def continued(capsys, **told):
    """What is noted on standard error when one streamed text was completed like that."""
    engine = StubEngine()
    engine.pieces = lambda requests: iter([(0, Piece(0, "日", completion("白日", **told)))])
    chosen = Choice("stub", (), 1, None, "sample", "auto", False, None, False)
    continue_text(io.StringIO(), engine, "白", chosen, processors=(), max_new=1)
    return capsys.readouterr().err


def test_a_stream_tells_what_was_undone_or_limits_excluded(capsys):
    assert continued(capsys) == ""
    assert "top_k=2 left nothing" in continued(capsys, undone=("top_k=2",))
    assert "exact: false" in continued(capsys, exact=False)


def test_json_tells_what_a_draft_proposed():
    assert "drafted" not in record(completion("白"))
    assert record(completion("白", drafted=(5, 3)))["drafted"] == {"proposed": 5, "accepted": 3}


@pytest.mark.parametrize(("num", "as_json"), [(1, False), (2, False), (1, True)])
def test_a_draft_is_handed_to_the_engine(num, as_json):
    asked, engine = [], StubEngine()
    engine.pieces = lambda requests: asked.append(requests[0].draft) or iter(())
    engine.completions = lambda _, *, draft, **options: asked.append(draft) or iter(())
    chosen = Choice("m", (), num, None, "sample", "auto", False, None, as_json, draft="lookup")
    continue_text(io.StringIO(), engine, "", chosen, processors=(), max_new=1)
    assert asked == ["lookup"]
