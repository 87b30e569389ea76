from gen_trainkit.curves import draw_curve, sort_figures
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


def test_what_measures_the_same_shares_a_panel_and_loss_comes_first():
    rows = [{"step": 1, "few_valid_loss": 3.0}, ROW, {"step": 2, "valid_accuracy": 1.0, "valid_loss": 1, "macro_f1": 0}]
    panels = {"loss": ["few_valid_loss", "loss", "valid_loss"], "accuracy": ["accuracy", "valid_accuracy"]}
    assert sort_figures(rows) == panels | {"macro_f1": ["macro_f1"]}
    assert list(sort_figures(rows)) == ["loss", "accuracy", "macro_f1"]
