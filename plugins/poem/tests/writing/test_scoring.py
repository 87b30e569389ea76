"""The best of several texts: which is told, by its score worked out again; and that it is one of the plain ones."""

import importlib
import itertools
import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from couplets import is_couplet, pingshui
from hypothesis import given
from hypothesis import strategies as st

import gen_engine as gen
from gen_engine.cli.main import make_cli
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.testing.models import table_model
from gen_engine.types import Completion
from gen_poem import WEIGHTS
from gen_poem.judging.check import judge
from gen_poem.writing import scoring
from gen_poem.writing.best_of import TEMPERATURE
from gen_poem.writing.known_lines import known_lines, lines_of
from gen_poem.writing.scoring import Parts, Scorer, Weights, best_of, quantile, repeats, scores

pytestmark = pytest.mark.usefixtures("one_engine")

FORM = ("no_unk", "no_special", "form=五绝", "distinct_rhymes=五绝", TEMPERATURE)
TOLD = "〔五绝〕："
LINES = "平林漠漠烟如织，寒山一带伤心碧。"


def run(*arguments):
    return CliRunner().invoke(make_cli(), [*map(str, arguments)], catch_exceptions=False)


def texts(*arguments):
    return [json.loads(line) for line in run(*arguments, "--json").stdout.splitlines()]


@pytest.fixture(scope="module")
def plain(one_engine):
    """24 poems of one seed as they come."""
    return gen.load("poem").generate("", processors=FORM, num=24, seed=3, max_new=24, context=TOLD)


# ------------------------------------------------------------------------------------------------- which are drawn


@pytest.mark.parametrize("num", [1, 3])
def test_the_best_of_one_is_plain_sampling(plain, num):
    shown = "\n".join(re.sub("([，。])", r"\1\n", done.text) for done in plain[:num])
    assert run("poem", "--form", "五绝", "--num", num, "--seed", 3, "--best-of", 1).stdout == shown


@pytest.mark.parametrize("command", [("ci", "--tune", "忆江南"), ("couplet", "--cols", 5), ("poem", "--rows", 2)])
def test_what_is_told_is_one_of_the_plain_samples(command):
    plain = [each["text"] for each in texts(*command, "--num", 6, "--seed", 1, "--best-of", 1)]
    found = texts(*command, "--num", 2, "--seed", 1, "--best-of", 3)
    assert [each["text"] for each in found] == [plain[each["sample"]] for each in found]
    assert [each["sample"] // 3 for each in found] == [0, 1]


def test_a_text_is_the_same_for_every_num():
    command = ("poem", "--form", "五绝", "--seed", 3, "--best-of", 4)
    one, three = ([{**each, "replay": None} for each in texts(*command, "--num", num)] for num in (1, 3))
    assert one == three[:1]


def test_texts_come_one_by_one_however_many_are_wanted():
    engine = Engine(table_model("", "天", "地"))
    found = best_of(engine, "天", of=3, num=10**12, seed=1, max_new=4)
    assert [each.completion.sample // 3 for each in itertools.islice(found, 3)] == [0, 1, 2]


def test_eight_are_drawn_where_nothing_is_said():
    assert texts("poem", "--form", "五绝", "--seed", 3) == texts("poem", "--form", "五绝", "--seed", 3, "--best-of", 8)


@pytest.mark.parametrize("decoder", [("--beams", 2), ("--decoder", "greedy"), ("--particles", 3)])
def test_other_decoders_tell_what_they_find(decoder):
    (found,) = texts("poem", "--rows", 1, "--cols", 2, "--seed", 3, *decoder)
    assert found["sample"] == 0


@pytest.mark.parametrize(
    "command", [("poem",), ("ci", "--tune", "忆江南"), ("couplet",), ("eval", "poem", "--form", "五绝")]
)
@pytest.mark.parametrize("decoder", [("--beams", 2), ("--decoder", "greedy"), ("--decoder", "beam,width=3")])
def test_the_best_of_what_is_not_drawn_is_refused(command, decoder):
    with pytest.raises(
        GenError, match="--best-of is for texts drawn at random, and (beam|greedy) .*leave one of them out"
    ):
        run(*command, "--best-of", 2, *decoder)


def test_particles_may_be_chosen_from_if_asked_for():
    found = texts("poem", "--rows", 1, "--cols", 2, "--seed", 3, "--particles", 2, "--best-of", 3, "--num", 2)
    assert [each["sample"] // 3 for each in found] == [0, 1]


# --------------------------------------------------------------------------------------------------- which is best


def total(parts, group, weights):
    """The total by the formula of the documentation."""
    aim = np.quantile([each.fluency for each in group], weights.aim)
    share = parts.repeats / parts.chars
    return -weights.fluency * abs(parts.fluency - aim) + weights.relevance * parts.relevance - (
        weights.repeats * share + weights.known_lines * parts.known_lines
    )  # fmt: skip


numbers = st.floats(-9, 9)
groups = st.lists(st.builds(Parts, numbers, numbers, *[st.integers(0, 9)] * 2, st.integers(1, 99)), min_size=1)
weights = st.builds(Weights, st.floats(0, 1), *[st.floats(0, 9)] * 4)


@given(groups, weights)
def test_totals_are_those_of_the_formula(group, weights):
    found = [each.total for each in scores(group, weights)]
    assert found == pytest.approx([total(each, group, weights) for each in group])


@given(st.lists(numbers, min_size=1), st.floats(0, 1))
def test_a_quantile_lies_where_numpy_has_it(values, share):
    assert quantile(values, share) == pytest.approx(np.quantile(values, share))


def measured(engine, done):
    """What is measured of a poem, worked out from its text and the model's logits alone."""
    row = [*engine.tokenizer.encode("").tokens, *done.tokens]
    told = engine.model.feed(engine.model.open(1), [-1], [0], [row], [len(row)]).log_softmax(-1)
    fluency = sum(float(told[i, token]) for i, token in enumerate(row[1:])) / 20
    chars = re.sub("[，。]", "", done.text)
    return fluency, sum(chars.index(c) < i and c != chars[i - 1] for i, c in enumerate(chars))


def test_the_best_has_the_highest_total_worked_out_anew():
    engine = gen.load("poem", dtype="float32")
    group = engine.generate("", processors=FORM, num=16, seed=3, max_new=24)[8:]
    found = [Parts(*((m := measured(engine, done))[0], 0, m[1], 0, 20)) for done in group]
    wanted = max(range(8), key=lambda i: total(found[i], found, Weights()))
    told = list(best_of(engine, "", processors=FORM, num=2, seed=3, max_new=24))[1]
    assert told.completion.text == group[wanted].text
    assert told.score.total == pytest.approx(total(found[wanted], found, Weights()), abs=1e-4)


def test_a_known_line_costs_enough_to_choose_another_text(plain):
    engine = gen.load("poem")
    first = next(best_of(engine, "", processors=FORM, seed=3, max_new=24, context=TOLD))
    known = known_lines(lines_of(first.completion.text)[:1])
    second = next(best_of(engine, "", processors=FORM, seed=3, max_new=24, context=TOLD, known=known))
    scored = Scorer(engine, engine.read("", TOLD), known=known).scored(plain[:8])
    (again,) = (each for each in scored if each.completion == first.completion)
    assert first.completion != second.completion
    assert (again.score.known_lines, again.score.total) == (1, pytest.approx(first.score.total - Weights().known_lines))


def done_of(new, tokens=()):
    return Completion(new, new, tuple(tokens), 0.0, (0.0,) * len(tokens), "end", 0, 0, "m", "float32")


def test_only_the_unfinished_line_of_a_prompt_counts():
    engine = Engine(table_model("", *"平林漠漠烟如织寒山一带伤心碧，。"))
    scorer = Scorer(engine, engine.read("平林漠漠烟如织，寒山"), known=known_lines(lines_of(LINES)))
    assert [each.known_lines for each in scorer.parts([done_of("一带伤心碧。"), done_of("一带伤心山。")])] == [1, 0]


@pytest.mark.parametrize(("text", "start", "count"), [
    ("处处莺声", 0, 0), ("处处莺声处", 0, 1), ("处处莺声处处", 0, 1), ("寻寻觅觅冷冷清清", 0, 0), ("山，山。山", 0, 2),
    ("山水山", 2, 1), ("山水山", 3, 0), ("", 0, 0), ("一山一水", 0, 1),
])  # fmt: skip
def test_repetitions_are_characters_that_stood_before_but_not_right_before(text, start, count):
    assert repeats(text, start) == count


@pytest.mark.parametrize(("command", "count"), [
    (["poem", "--acrostic", "春春", "--rows", 2], 1), (["poem", "--template", "□山□山，□山□□。"], 2),
    (["couplet", "--first", "万水千山水"], 1), (["couplet", "--first", "处处莺声处处柳"], 1),
])  # fmt: skip
def test_repetitions_that_are_asked_for_do_not_count(command, count):
    for each in texts(*command, "--seed", 1, "--num", 3):
        held = repeats(each["text"], len(each["text"]) - len(each["new"]))
        assert each["score"]["repeats"] == held - count


# ------------------------------------------------------------------------------------------------- the title


CHARS = "《春秋》天地玄黄，"


def titled(of_model):
    context, plain = "《春》", "《》"
    return of_model.generate("天", num=6, seed=1, max_new=5, context=context), context, plain


def test_relevance_is_what_the_title_does_for_each_character():
    engine = Engine(table_model("", *CHARS, order=9, salt=3))
    drawn, context, plain = titled(engine)
    found = Scorer(engine, engine.read("天", context), engine.read("天", plain)).parts(drawn)
    for done, parts in zip(drawn, found, strict=True):
        logs = [sum(float(engine.model.logits((*engine.read("天", each).read, *done.tokens[:i])).log_softmax(-1)[t])
                    for i, t in enumerate(done.tokens)) for each in (context, plain)]  # fmt: skip
        size = parts.chars or max(1, len(done.tokens))
        assert parts.relevance == pytest.approx((logs[0] - logs[1]) / size, abs=1e-5)
    assert any(abs(parts.relevance) > 0.01 for parts in found)


def test_without_a_title_nothing_is_relevant():
    engine = Engine(table_model("", *CHARS, order=9, salt=3))
    drawn, context, _ = titled(engine)
    assert {each.relevance for each in Scorer(engine, engine.read("天", context)).parts(drawn)} == {0.0}


def test_the_title_may_decide():
    engine = Engine(table_model("", *CHARS, order=9, salt=3))
    asked = {"of": 40, "seed": 2, "max_new": 5, "context": "《春》", "without_title": "《》"}
    found = [next(best_of(engine, "天", weights=Weights(relevance=weight), **asked)).score for weight in (0, 100)]
    assert found[0].relevance < found[1].relevance


NOTE = {"order": ["form", "title"], "parts": {"form": "{}", "title": "《{}》"}, "end": "："}


@pytest.fixture
def noted(tmp_path):
    """The shipped model with a note."""
    for file in WEIGHTS.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "context.json").unlink(missing_ok=True)
    (tmp_path / "context.json").write_text(json.dumps(NOTE))
    return tmp_path


def test_a_title_that_a_command_tells_the_model_is_scored(noted):
    engine = gen.load(str(noted))
    asked = ["poem", "--form", "五绝", "--model", noted, "--seed", 1, "--best-of", 2]
    for each in texts(*asked, "--title", "秋夜", "--num", 2):
        done = done_of(each["text"], engine.tokenizer.encode(each["text"]).tokens[1:])
        logs = [
            scoring.logprobs(engine, engine.read("", context), [done])[0] for context in ("五绝《秋夜》：", "五绝：")
        ]
        assert each["score"]["relevance"] == pytest.approx((logs[0] - logs[1]) / 20, abs=0.01) != 0
    assert [each["score"]["relevance"] for each in texts(*asked)] == [0]


def test_scores_do_not_depend_on_texts_at_once(plain, monkeypatch):
    engine = gen.load("poem")
    scorer = Scorer(engine, engine.read(""), engine.read("", "山居。"))
    together = scorer.parts(plain)
    monkeypatch.setattr(scoring, "PACKED", 1)
    assert scorer.parts(plain) == together


# ------------------------------------------------------------------------------------------------- what holds for all


@pytest.mark.parametrize(("form", "asked"), [
    ("五绝", ["--tones", "strict", "--acrostic", "春江花月"]), ("七绝", ["--rhyme", "东", "--distinct"]),
    pytest.param("五律", ["--require", "山", "--forbid", "风"], marks=pytest.mark.slow),
])  # fmt: skip
def test_the_best_obey_all_rules(form, asked):
    for poem in texts("poem", "--form", form, *asked, "--num", 2, "--seed", 1, "--best-of", 5):
        tones = "strict" if "strict" in asked else "loose"
        assert judge(poem["text"], form, tones=tones, rhyme="东" if "东" in asked else "").faults == ()
        assert [line[0] for line in poem["lines"]] == [*"春江花月"] or "--acrostic" not in asked
        assert len(set(poem["text"])) == 30 or "--distinct" not in asked
        assert ("山" in poem["text"] and "风" not in poem["text"]) or "--require" not in asked


def test_the_best_words_and_couplets_obey_all_rules():
    for each in texts("ci", "--tune", "忆江南", "--num", 2, "--seed", 1, "--best-of", 3):
        assert judge(each["text"], tune_name="忆江南").ok
    for each in texts("couplet", "--cols", 7, "--num", 2, "--seed", 1, "--best-of", 3):
        assert is_couplet(each["text"], [7], pingshui)


def test_json_has_the_parts_that_make_the_total():
    (poem,) = texts("poem", "--form", "五绝", "--seed", 3)
    score = poem["score"]
    parts = Parts(**{name: score[name] for name in Parts.__annotations__})
    assert score["total"] == scoring.total(parts, score["aim"], Weights())
    assert score["fluency"] == pytest.approx(poem["logprob"] / 20)


def test_what_is_explained_is_the_best():
    asked = ("poem", "--rows", 1, "--cols", 5, "--seed", 3)
    (told,), (explained,) = texts(*asked), texts(*asked, "--explain")
    assert explained["explanation"]["sample"] == told["sample"]
    assert (explained["text"], explained["score"]) == (told["text"], told["score"])


@pytest.mark.parametrize("options", [(), ("--best-of", 1), ("--best-of", 3)])
def test_judged_poems_are_those_that_gen_poem_prints(options):
    asked = ("poem", "--form", "五绝", "--num", 3, "--seed", 3, *options)
    judged = json.loads(run("eval", *asked, "--json").stdout)["each"]
    assert [each["text"] for each in judged] == [each["text"] for each in texts(*asked)]


def test_free_poems_are_no_choice():
    free = ("eval", "poem", "--free", "--with", "form=1x5", "--num", 3, "--seed", 3, "--json")
    assert run(*free).stdout == run(*free, "--best-of", 1).stdout != run(*free, "--best-of", 4).stdout


def test_poems_of_a_file_are_judged_as_they_are(tmp_path):
    (tmp_path / "a.txt").write_text(LINES, encoding="utf-8")
    with pytest.raises(GenError, match="has poems already, and --best-of is for new ones"):
        run("eval", "poem", tmp_path / "a.txt", "--best-of", 2)


def test_the_older_path_of_best_of_works_with_a_warning():
    with pytest.warns(DeprecationWarning, match="gen_poem.best is gen_poem.writing.scoring now"):
        module = importlib.import_module("gen_poem.best")
    assert module.best_of is best_of
