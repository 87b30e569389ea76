import json
import re
import sys
import warnings
from collections import Counter

import classifier_folders as folders
import pytest
from click.testing import CliRunner
from font_files import font_of, forget_fonts
from hypothesis import given, settings
from hypothesis import strategies as st
from terminals import as_terminal

from gen_classify.commands.evaluate import classifier_command
from gen_classify.evaluating import pictures
from gen_classify.evaluating.evaluation import Evaluation, Mistake, evaluate
from gen_classify.evaluating.measures import measure
from gen_classify.evaluating.pictures import check_picture, draw_confusion
from gen_classify.evaluating.report import columns, tell
from gen_classify.predicting.classifier import load_classifier, make_classifier
from gen_classify.rows.reading import Table
from gen_engine.cli.languages import choose_language, speak
from gen_engine.errors import GenError
from gen_engine.system.screen import cells
from gen_trainkit.tally import Bad

TEXTS = ["好山好水", "酒店差", "春夏秋冬", "房间好", "风花", "雪月", "坏", "山水好"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A classifier that labels some of the texts so and some so."""
    return folders.write(tmp_path_factory.mktemp("eval") / "bert", data_labels=["0", "1"])


@pytest.fixture(scope="module")
def classifier(model):
    return load_classifier(model)


def table_of(labels, texts=TEXTS, **more):
    return Table(texts=texts, labels=labels, places=[f"f:{row}" for row in range(len(labels))], **more)


@given(st.lists(st.sampled_from(["0", "1", "负向评价", "正向评价", "体育"]), min_size=8, max_size=8))
@settings(deadline=None, max_examples=30, derandomize=True, database=None)
def test_rows_match_labels_by_name_or_number_counting_unknown_ones(classifier, labels):
    if set(labels) == {"体育"}:
        return
    evaluation = evaluate(classifier, table_of(labels), mistakes=3)
    kept = [row for row, label in enumerate(labels) if label != "体育"]
    guesses = classifier.choose(classifier.probabilities([TEXTS[row] for row in kept])).tolist()
    true = [int(labels[row] in ("1", "正向评价")) for row in kept]
    assert evaluation.report == measure(true, guesses, classifier.labels)
    assert evaluation.unknown.total() == len(labels) - len(kept)
    wrong = [f"f:{row}" for row, a, b in zip(kept, true, guesses, strict=True) if a != b]
    assert {each.place for each in evaluation.mistakes} <= set(wrong)
    assert len(evaluation.mistakes) == min(3, len(wrong))


def test_mistakes_come_from_sure_to_unsure(classifier):
    shares = classifier.probabilities(TEXTS)
    wrong = [str(1 - guess) for guess in classifier.choose(shares).tolist()]
    evaluation = evaluate(classifier, table_of(wrong), mistakes=8)
    assert [each.probability for each in evaluation.mistakes] == sorted(shares.max(1).values.tolist(), reverse=True)
    assert evaluation.report.accuracy == 0


def test_a_file_without_any_known_label_is_refused(classifier):
    with pytest.raises(GenError, match=r"are 负向评价, 正向评价 \(the rows have 体育\)"):
        evaluate(classifier, table_of(["体育"] * 8))


def test_the_baseline_learns_known_rows_and_repeated_texts_are_counted(classifier):
    train = table_of(["1", "0", "1", "1", "0", "体育", "0", "1"])
    evaluation = evaluate(classifier, table_of(["1", "0"] * 4), train=train)
    assert evaluation.repeated == 7
    assert evaluation.baseline.rows == 8
    assert evaluation.record()["baseline"]["accuracy"] == evaluation.baseline.accuracy


def test_pairs_are_judged_as_pairs(classifier):
    seconds = TEXTS[::-1]
    evaluation = evaluate(classifier, table_of(["0", "1"] * 4, seconds=seconds))
    pairs = list(zip(TEXTS, seconds, strict=True))
    guesses = classifier.choose(classifier.probabilities(pairs)).tolist()
    assert evaluation.report == measure([0, 1] * 4, guesses, classifier.labels)


def test_one_logit_is_judged_by_its_threshold(tmp_path):
    strict = make_classifier(*folders.bert(tmp_path, **folders.one_logit(0.999999)))
    assert evaluate(strict, table_of(["1", "0"] * 4)).report.macro_recall == 0.5


def test_columns_line_up_with_chinese_labels():
    lines = columns([["标签", "1"], ["a", "20"]]).splitlines()
    assert lines == ["标签   1", "a     20"]


def test_the_report_tells_all(classifier):
    table = table_of(["1", "0"] * 3 + ["体育", "1"], [*TEXTS[:7], "好" * 50], bad=[Bad("f:9", "its text is empty")])
    words = tell(evaluate(classifier, table, mistakes=1), "标题")
    for each in ("标题", "macro f1", "accuracy, 95%", "1  负向评价", "2 正向评价", "surest mistakes", "体育 1"):
        assert each in words
    assert "1 texts are longer than the classifier reads" in words
    assert "first f:9: its text is empty" in words


def test_of_many_labels_the_most_frequent_confusions_are_told():
    labels = [f"类{number}" for number in range(30)]
    report = measure([0, 0, 0, 1, 2], [4, 4, 0, 5, 2], labels)
    told = [line.split() for line in tell(Evaluation(report), "").splitlines()[-2:]]
    assert told == [["类0", "类4", "2"], ["类1", "类5", "1"]]


LABELS = [f"类{number} of a long name" for number in range(20)]
MANY = measure(list(range(20)) * 2, [number % 7 for number in range(40)], LABELS)


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("baseline", [None, MANY])
def test_a_report_fits_the_terminal_and_cuts_no_figure(monkeypatch, width, baseline):
    mistakes = (Mistake("f:12", "山水" * 40, LABELS[3], LABELS[5], 0.75),)
    bad, unknown = ("f:9: its text is empty",), Counter(dict.fromkeys(LABELS, 3))
    evaluation = Evaluation(MANY, baseline=baseline, mistakes=mistakes, bad=bad, unknown=unknown, cut=3, repeated=2)
    as_terminal(monkeypatch, width, NO_COLOR="1")
    told = tell(evaluation, "a model on 90 rows of " + "a-file " * 30, place=sys.stdout)
    assert [line for line in told.splitlines() if cells(line) > width or line != line.rstrip()] == []
    assert told.count("true label \\ guessed label") == {60: 3, 80: 2, 120: 1}[width]
    figures = [word for word in tell(evaluation, "title").split() if word[0].isdigit()]
    assert [word for word in figures if word not in told.split()] == []


def run(model, *arguments):
    command = [str(argument) for argument in ("--model", model, *arguments)]
    return CliRunner().invoke(classifier_command, command, catch_exceptions=False)


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.tsv"
    lines = [f"{index % 2}\t{text}" for index, text in enumerate(TEXTS)]
    path.write_text("\n".join(["label\ttext", *lines, "7\t春", "1\t"]) + "\n", encoding="utf-8")
    return path


CHINESE = ("真实标签 \\ 预测标签", "宏平均 F1", "准确率 95% 置信区间", "精确率", "召回率", "最有把握的错误", "基线")


@pytest.mark.parametrize("language", [[], ["--lang=auto"], ["--lang=zh"]])
def test_the_report_is_chinese_where_labels_are_and_by_option(model, rows, language):
    told = run(model, rows, "--mistakes=1", "--baseline", rows, *language).stdout
    assert [words for words in CHINESE if words not in told] == []
    for name in (str(model), "rows.tsv", "its text is empty", "F1"):
        told = told.replace(name, "")
    assert re.findall("[A-Za-z]{2,}", told) == []


def test_the_report_is_english_by_option_and_where_labels_are(model, rows):
    told = run(model, rows, "--lang=en").stdout
    assert [words for words in CHINESE if words in told] == []
    for language, words in (("auto", "true label"), ("zh", "真实标签")):
        assert words in tell(Evaluation(PLAIN), "", speak(choose_language(language, ["ham", "spam"])))


@pytest.mark.parametrize("language", ["en", "zh", "auto"])
def test_json_has_english_keys_in_every_language(model, rows, language):
    record = json.loads(run(model, rows, "--json", f"--lang={language}").stdout)
    assert {"title", "model", "unknown labels", "unusable rows", "texts cut", "mistakes"} == record.keys()
    assert {"accuracy", "macro_f1", "labels", "confusion"} <= record["model"].keys()
    assert " rows of rows.tsv" in record["title"]


def test_the_command_prints_and_writes_report_and_json(model, rows, tmp_path):
    written = tmp_path / "report.json", tmp_path / "report.txt"
    result = run(model, rows, "--baseline", rows, *(f"--out={path}" for path in written))
    page = written[1].read_text(encoding="utf-8")
    assert result.stdout.split() == page.split()
    assert ("\t" in result.stdout, "\t" in page) == (True, False)
    record = json.loads(written[0].read_text(encoding="utf-8"))
    assert (record["model"]["rows"], record["unknown labels"]) == (8, {"7": 1})
    assert record["unusable rows"] == ["rows.tsv:11: its text is empty"]
    assert json.loads(run(model, rows, "--baseline", rows, "--json").stdout) == record


def test_unusable_rows_are_refused_if_wanted(model, rows):
    with pytest.raises(GenError, match=r"2 rows cannot be judged \(rows.tsv:11"):
        run(model, rows, "--bad-rows=refuse")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--picture=a.doc"], "no name of a picture"),
        (["--picture=no/a.png"], "folder does not exist"),
        (["--font=a.ttf"], "for a picture only"),
        (["--picture=a.png", "--font=rows.tsv"], "no font that can be read"),
        (["--curve=a.png"], "no run/metrics.jsonl"),
        (["--label=class"], "no column 'class'"),
        (["--text=9"], "no column"),
    ],
)
def test_what_cannot_be_done_is_said(model, rows, monkeypatch, arguments, sentence):
    monkeypatch.chdir(rows.parent)
    with pytest.raises(GenError, match=sentence):
        run(model, "rows.tsv", *arguments)


def test_the_curve_of_a_run_is_drawn(rows, tmp_path):
    model = folders.write(tmp_path / "model")
    (model / "run").mkdir()
    row = {"step": 1, "loss": 2.0, "accuracy": 0.5, "valid_loss": 2.0, "valid_accuracy": 0.5, "examples": 8}
    lines = [json.dumps(row | {"step": step, "examples": 8 * step}) for step in (1, 2)]
    (model / "run" / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    run(model, rows, "--curve", tmp_path / "curve.png")
    assert (tmp_path / "curve.png").stat().st_size > 10_000
    assert (tmp_path / "curve.pdf").read_bytes().startswith(b"%PDF")


REPORT = measure([0, 1, 1, 0], [0, 1, 0, 0], folders.SENTIMENTS)
PLAIN = measure([0, 1, 1, 0], [0, 1, 0, 0], ["ham", "spam"])


@pytest.fixture
def no_font(monkeypatch):
    """A machine with matplotlib's own font only."""
    forget_fonts(monkeypatch)


@pytest.fixture
def drawn(monkeypatch):
    """The labels that are drawn."""
    seen = []
    real = pictures._draw
    monkeypatch.setattr(
        pictures, "_draw", lambda report, words, *rest: (seen.extend(words.labels), real(report, words, *rest))
    )
    return seen


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
@pytest.mark.usefixtures("no_font")
def test_labels_that_matplotlibs_own_font_has_need_no_other(tmp_path, drawn, kind):
    assert draw_confusion(PLAIN, tmp_path / f"p.{kind}", name="model") == ""
    assert drawn == ["ham", "spam"]
    assert (tmp_path / f"p.{kind}").stat().st_size > 1000


@pytest.mark.parametrize("kind", ["png", "pdf"])
@pytest.mark.usefixtures("no_font")
def test_without_a_font_numbers_stand_openly_for_chinese_labels(tmp_path, drawn, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        remark = draw_confusion(REPORT, tmp_path / f"p.{kind}", name="模型")
    assert "numbers stand for them" in remark
    assert drawn == ["1", "2"]


@pytest.mark.usefixtures("no_font")
def test_without_a_font_an_svg_keeps_the_characters_as_text(tmp_path):
    remark = draw_confusion(REPORT, tmp_path / "p.svg", name="模型")
    written = (tmp_path / "p.svg").read_text(encoding="utf-8")
    assert "they are text" in remark
    assert all(f">{label}</text>" in written for label in folders.SENTIMENTS)


@pytest.mark.parametrize("kind", ["png", "pdf", "svg"])
@pytest.mark.usefixtures("no_font")
def test_a_font_that_is_named_draws_the_labels(tmp_path, drawn, kind):
    font = font_of(tmp_path / "han.ttf", "负正向评价模型")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_confusion(REPORT, tmp_path / f"p.{kind}", name="模型 a", font=font) == ""
    assert drawn == list(folders.SENTIMENTS)


def texts_of(picture):
    return re.findall("<text[^>]*>([^<]*)<", picture.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "language, words",
    [("zh", ("混淆矩阵", "真实标签", "预测标签", "颜色：占该真实标签样本的比例", "数字：样本数")),
     ("en", ("confusion matrix", "true label", "guessed label", "colour: share of the rows of the true label"))],
)  # fmt: skip
def test_a_picture_says_what_its_axes_colours_and_numbers_are(tmp_path, language, words):
    for report in (REPORT, PLAIN):
        draw_confusion(report, tmp_path / "p.svg", name="m", language=language)
        assert [each for each in words if each not in texts_of(tmp_path / "p.svg")] == []


@pytest.mark.parametrize("options, words", [([], "混淆矩阵"), (["--lang=en"], "confusion matrix")])
def test_a_picture_is_in_the_language_of_the_report(model, rows, tmp_path, options, words):
    run(model, rows, "--picture", tmp_path / "p.svg", *options)
    assert words in texts_of(tmp_path / "p.svg")


@pytest.mark.usefixtures("no_font")
def test_without_a_font_latin_labels_stay_and_words_are_english(tmp_path, drawn):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        remark = draw_confusion(PLAIN, tmp_path / "p.png", name="m", language="zh")
    assert "its words are English" in remark
    assert drawn == ["ham", "spam"]


def test_many_labels_are_drawn_without_counts(tmp_path):
    labels = [f"label {number}" for number in range(40)]
    draw_confusion(measure(list(range(40)), [0] * 40, labels), tmp_path / "p.png", name="many")
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_a_picture_is_checked_before_anything_else(tmp_path):
    with pytest.raises(GenError, match="no font that can be read"):
        check_picture(tmp_path / "p.png", tmp_path / "nowhere.ttf")
