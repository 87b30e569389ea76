"""Rows with a title and a context: how they are read, and nats behind a context, by hand on a model of a table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_poem.evaluation.figures import evaluate
from gen_poem.evaluation.measures import Wanted, nats
from gen_poem.verse.poem_files import Row, read_rows

lines = st.tuples(st.text("春花月", min_size=1, max_size=4), st.text("春花月", max_size=3))


def tiny():
    return Engine(table_model("", "春", "花", "月", "，", "。", "", unk=6, order=2))


def told(found):
    return {each.name: each.value for each in found.figures}


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(st.lists(lines, min_size=1, max_size=4))
def test_behind_a_context_the_tokens_of_the_text_alone_count(pairs):
    poems, engine = [f"{line}。" for line, _ in pairs], tiny()
    for poem, (_, before), (total, known) in zip(poems, pairs, nats(engine, poems, [b for _, b in pairs]), strict=True):
        read = (*engine.tokenizer.encode(before + poem).tokens, 0)
        first = max(1, len(read) - len(poem) - 1)
        own = [engine.model.logits(read[:i]).log_softmax(-1)[read[i]].item() for i in range(first, len(read))]
        assert (total, known) == (pytest.approx(-sum(own), abs=1e-4), len(poem) - 1)


def test_nats_behind_contexts_are_told_where_rows_have_some():
    figures = told(evaluate([Row("春花。", context="月"), Row("花。")], Wanted(), source="", engine=tiny()))
    wanted = [sum(total for total, _ in nats(tiny(), ["春花。", "花。"], each)) / 3 for each in ((), ["月", ""])]
    assert [figures["nats a character"], figures["nats with context"]] == pytest.approx(wanted)
    assert wanted[0] != wanted[1]
    assert "nats with context" not in told(evaluate([Row("春花。")], Wanted(), source="", engine=tiny()))


@pytest.mark.parametrize(
    "fields, row",
    [('"title": "秋", "context": "《秋》："', Row("春花。", "秋", "《秋》：")),
     ('"wishes": {"title": "秋", "author": "李白"}, "context": ""', Row("春花。", "秋")),
     ('"title": null, "wishes": []', Row("春花。")),
     ('"title": "夜", "wishes": {"title": "秋"}', Row("春花。", "夜"))],
)  # fmt: skip
def test_rows_of_json_have_their_title_and_context(tmp_path, fields, row):
    (tmp_path / "rows").write_text('{"text": "春花。", ' + fields + '}\n{"text": " "}\n', encoding="utf-8")
    assert read_rows(str(tmp_path / "rows")) == [row]


@pytest.mark.parametrize("field", ['"title": 1', '"context": ["a"]', '"wishes": {"title": {}}', '"title": "\\ud800"'])
def test_a_title_or_context_of_no_text_is_refused(tmp_path, field):
    (tmp_path / "rows").write_text('{"text": "春"}\n{"text": "春", ' + field + "}\n", encoding="utf-8")
    with pytest.raises(GenError, match='Line 2 of .*"(title|context)"'):
        read_rows(str(tmp_path / "rows"))
