from gen_trainkit.metrics import append_metrics, draw_curve, read_metrics, rewind_metrics


def test_a_torn_line_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append_metrics(path, {"step": 1, "loss": 2.0})
    with path.open("a") as file:
        file.write('{"step": 2, "lo')
    assert read_metrics(path) == [{"step": 1, "loss": 2.0}]


def test_rewinding_drops_later_steps(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for step in (1, 2, 3):
        append_metrics(path, {"step": step})
    rewind_metrics(path, 2)
    assert [row["step"] for row in read_metrics(path)] == [1, 2]


def test_the_curve_is_a_picture_and_nothing_measured_is_none(tmp_path):
    path, picture = tmp_path / "metrics.jsonl", tmp_path / "curve.png"
    draw_curve(path, picture)
    assert not picture.exists()
    append_metrics(path, {"step": 1, "loss": 2.0, "valid_loss": 2.5})
    draw_curve(path, picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
