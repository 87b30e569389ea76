"""The conformance kit: what is right passes, and what is wrong is caught by the law it breaks and by no other."""

import subprocess
import sys
from dataclasses import replace

import broken_decoders
import broken_models
import broken_promises
import broken_rules
import broken_shapers
import custom_rules
import pytest

from gen_engine.constraints.repeats import NoRepeat
from gen_engine.hooks import registry as plugins
from gen_engine.testing import (
    check_constraint,
    check_decoder,
    check_model,
    check_shaper,
    offers,
    promise_laws,
    subjects,
)
from gen_engine.testing.conformance import LAWS, judge_all
from gen_engine.testing.laws import judge
from gen_engine.testing.models import table_model

EXAMPLES = 3
BAD = ("broken", "unjudged")
OWN = [
    "ban=春|ab", "only=han|，", "no_unk", "no_special", "no_repeat=2,exempt=，", "no_repeat_ngram=2",
    "no_double_punctuation", "length=1..3", "stop=春|a，", "force=1:春|3:a",
    "no_repeat_ngram=2,within=3,exempt=，",
]  # fmt: skip


def sized(make):
    return lambda vocabulary: make(len(vocabulary))


CUSTOM = {
    "even": custom_rules.EvenChars(),
    "echo": custom_rules.Echo(),
    "pairs": custom_rules.Pairs(),
    "readings": custom_rules.Readings("春a"),
    "sum": sized(custom_rules.TokenSum),
    "once": sized(custom_rules.TokensOnce),
    "once sharp": sized(custom_rules.TokensOnceSharp),
    "not the last": sized(custom_rules.NotTheLast),
    "odd even": sized(custom_rules.OddEven),
}


@pytest.mark.parametrize("spec", OWN)
def test_constraints_of_the_core_keep_every_law(spec):
    check_constraint(spec, examples=EXAMPLES)


@pytest.mark.parametrize("given", CUSTOM.values(), ids=CUSTOM)
def test_constraints_as_authors_write_them_keep_every_law(given):
    check_constraint(given, examples=EXAMPLES)


def test_a_broken_law_is_named_with_the_smallest_example():
    with pytest.raises(AssertionError) as caught:
        check_constraint(broken_rules.Boasting(), examples=EXAMPLES)
    assert "breaks the law 'answers agree': `allowed`, `permits` and `next` (or `step`) say" in str(caught.value)
    assert "and `allowed` says otherwise (prompt '', then '')" in str(caught.value)


def test_a_processor_its_spec_and_its_factory_are_all_understood():
    for given in ("no_repeat=2", NoRepeat(2, broken_promises.no_mark), lambda: NoRepeat(2, broken_promises.no_mark)):
        check_constraint(given, examples=3)
    with pytest.raises(TypeError, match="NoRepeat needs window, is_exempt; give it as lambda"):
        check_constraint(NoRepeat)
    with pytest.raises(TypeError, match="5 is no processor"):
        check_constraint(5)


@pytest.mark.parametrize("spec", ["temperature=0.5", "top_p=0.8", "typical=0.5", "repetition_penalty=0.7,window=4"])
def test_shapers_of_the_core_keep_every_law(spec):
    check_shaper(spec, examples=EXAMPLES)


@pytest.mark.parametrize("name", ["sample", "greedy"])
def test_decoders_of_the_core_keep_every_law(name):
    check_decoder(name, examples=EXAMPLES)


def test_tiny_models_keep_every_law():
    check_model(table_model("", *"abc"))
    check_model(table_model("", "春", "春夏", unk=0, shape="holes"))


WRONG = {
    **{f"constraint {name}": ("constraint", *each) for name, each in broken_rules.CONSTRAINTS.items()},
    **{f"constraint {name}": ("constraint", *each) for name, each in broken_promises.CONSTRAINTS.items()},
    **{f"shaper {name}": ("shaper", *each) for name, each in broken_shapers.SHAPERS.items()},
    **{f"decoder {name}": ("decoder", *each) for name, each in broken_decoders.DECODERS.items()},
    **{f"model {name}": ("model", *each) for name, each in broken_models.MODELS.items()},
}


def on_trial(name):
    """What is wrong, its kind, and the law that it breaks."""
    kind, given, law = WRONG[name]
    options = (broken_rules.OPTIONS | broken_promises.OPTIONS).get(name.removeprefix("constraint "), {})
    return kind, subjects.subject_of(given, **options) if kind == "constraint" else given, law


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_breaks_the_law_it_breaks(name):
    kind, given, broken = on_trial(name)
    laws, put_on_trial = LAWS[kind]
    [law] = [each for each in laws if each.name == broken]
    assert judge(law, put_on_trial(given), 20, shrink=False).state == "broken"


def test_bars_ending_early_break_their_law_unlike_no_repeats():
    [law] = [each for each in promise_laws.PROMISES if each.name == promise_laws.BARS]
    made = {
        "broken": lambda: broken_promises.Hasty(2, broken_promises.no_mark),
        "holds": lambda: NoRepeat(2, broken_promises.no_mark),
    }
    assert {judge(law, subjects.subject_of(make), 50, shrink=False).state for make in made.values()} == set(made)
    assert judge(law, subjects.subject_of(made["holds"]), 50, shrink=False).state == "holds"


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_breaks_no_other_law(name):
    kind, given, law = on_trial(name)
    assert [each.law for each in judge_all(kind, given, 20) if each.state == "broken"] == [law]


# ------------------------------------------------------------------------------------------- the plugin of pytest


def test_the_plugin_of_pytest_imports_nothing_heavy():
    code = "import sys, gen_engine.testing.pytest_plugin; print({'torch', 'numpy', 'hypothesis'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code]) == b"set()\n"


def test_a_tiny_engine_is_there_without_a_conftest(tiny_engine):
    engine = tiny_engine("春夏", "秋")
    assert engine.tokenizer.vocabulary.texts == ("", "春夏", "秋")
    [done] = engine.generate("秋", processors=["length=4"], max_new=4, seed=1)
    assert len(done.new) == 4


def chosen(trial):
    return trial.exhibit.name == "top_k" and trial.law.name == "rows are independent"


def test_a_trial_is_one_law_of_one_thing():
    trial = next(filter(chosen, offers.trials("core", 3)))
    trial.check()
    other = replace(trial.exhibit, subject=lambda: subjects.subject_of(broken_shapers.neighbourly))
    trial = replace(trial, exhibit=other, examples=20)
    with pytest.raises(AssertionError, match="top_k=2 breaks the law 'rows are independent'"):
        trial.check()


def test_a_test_with_gen_law_must_say_whose(tmp_path):
    (tmp_path / "test_it.py").write_text("def test_it(gen_law): pass")
    done = subprocess.run([sys.executable, "-m", "pytest", str(tmp_path)], capture_output=True, text=True)
    assert "mark it @pytest.mark.gen_plugin('NAME')" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("plugin", [each.name for each in plugins.registry().plugins])
def test_everything_that_our_plugins_offer_keeps_every_law(plugin):
    found = offers.exhibits(plugin)
    assert [each.problem for each in found if each.problem] == []
    told = {each.written: each.judge() for each in found}
    failures = {(written, v.law): v.message for written, laws in told.items() for v in laws if v.state in BAD}
    assert failures == {}
