import pytest
from font_files import font_of, forget_fonts
from matplotlib.figure import Figure
from matplotlib.text import Text

from gen_trainkit.curves import WORDS, draw_curve, sort_figures
from gen_trainkit.metrics import append_metrics

ROW = {"step": 2, "examples": 30, "loss": 2.0, "accuracy": 0.5, "rate_factor": 1.0, "time": 1.0}


def test_the_curve_is_a_picture_and_a_pdf(tmp_path):
    for step in (2, 4):
        append_metrics(tmp_path / "metrics.jsonl", {**ROW, "step": step, "examples": 15 * step, "valid_loss": 2.5})
    draw_curve(tmp_path / "metrics.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "curve.pdf").read_bytes().startswith(b"%PDF")
    assert not list(tmp_path.glob(".writing*"))


def test_nothing_measured_is_no_picture(tmp_path):
    draw_curve(tmp_path / "metrics.jsonl", tmp_path / "curve.png")
    assert not list(tmp_path.iterdir())


def test_rows_of_older_runs_that_tell_no_examples_are_drawn(tmp_path):
    append_metrics(tmp_path / "metrics.jsonl", {"step": 1, "loss": 2.0})
    draw_curve(tmp_path / "metrics.jsonl", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").exists()


def test_figures_of_a_kind_share_panels_and_loss_comes_first():
    rows = [{"step": 1, "few_valid_loss": 3.0}, ROW, {"step": 2, "valid_accuracy": 1.0, "valid_loss": 1, "macro_f1": 0}]
    panels = {"loss": ["few_valid_loss", "loss", "valid_loss"], "accuracy": ["accuracy", "valid_accuracy"]}
    assert sort_figures(rows) == panels | {"macro_f1": ["macro_f1"]}
    assert list(sort_figures(rows)) == ["loss", "accuracy", "macro_f1"]


HAN = "训练验证（部分批次）步数已见样本损失奈特/目标准确率占的比例宏平均"


@pytest.fixture
def seen(monkeypatch):
    """The texts of all pictures that are written."""
    found = set()
    real = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda own, *a, **k: (found.update(t.get_text() for t in own.findobj(Text)), real(own, *a, **k)),
    )
    return found


def measured(folder):
    row = {**ROW, **{f"{part}loss": 2.0 for part in WORDS}, "valid_macro_f1": 0.5}
    append_metrics(folder / "metrics.jsonl", row)
    return folder / "metrics.jsonl", folder / "curve.png"


ENGLISH = {"training", "validation", "step", "examples seen", "loss (nats per target)", "macro f1"}
CHINESE = {"训练", "验证", "步数", "已见样本数", "损失（奈特/目标）", "宏平均 F1"}


def test_curves_name_every_line_and_axis_in_both_languages(tmp_path, monkeypatch, seen):
    forget_fonts(monkeypatch, font_of(tmp_path / "han.ttf", HAN))
    assert draw_curve(*measured(tmp_path)) == draw_curve(*measured(tmp_path), language="zh") == ""
    assert seen >= ENGLISH | CHINESE


def test_a_missing_chinese_font_is_told_and_curves_are_english(tmp_path, monkeypatch, seen):
    forget_fonts(monkeypatch)
    assert "no font here has Chinese characters" in draw_curve(*measured(tmp_path), language="zh")
    assert seen >= ENGLISH
    assert not seen & CHINESE


def test_each_part_has_a_line_of_its_own(tmp_path, monkeypatch):
    drawn = []
    real = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda own, *a, **k: (drawn.append(own), real(own, *a, **k)))
    draw_curve(*measured(tmp_path))
    lines = drawn[0].axes[0].get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines if line.get_label() in WORDS.values()}) == 4
