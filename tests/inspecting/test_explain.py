"""What an explanation says of a text, held against the model's table and every legal text."""

import json
import re
from html.parser import HTMLParser
from io import StringIO
from math import exp, inf, isfinite, log

import pytest
import strategies as some
from click.testing import CliRunner
from hypothesis import assume, given
from hypothesis import strategies as st
from terminals import as_terminal
from tiny import chars, engine_of

from gen_engine.cli import main as cli
from gen_engine.constraints.bans import ban
from gen_engine.engine import Engine
from gen_engine.errors import GenError
from gen_engine.inspecting.explain import PROOF, VOCABULARY, explain, explain_text
from gen_engine.inspecting.explain_page import page
from gen_engine.inspecting.explain_tables import explanation_record, print_explanation, sentences, short_names
from gen_engine.system.screen import cells
from gen_engine.testing.models import table_model
from gen_engine.types import Named

P = {"a": 0.5, "b": 0.3, "c": 0.15, "": 0.05}


def table_engine():
    """A model that always gives a, b, c and the end the same probabilities."""
    return Engine(table_model("", "a", "b", "c", order=0, table={(): [log(P[text]) for text in ("", "a", "b", "c")]}))


def told(*processors, prompt="", decoder="greedy", max_new=3, **options):
    engine = table_engine()
    [done] = engine.generate(prompt, processors=processors, decoder=decoder, max_new=max_new, seed=1)
    return explain(engine, done, prompt=prompt, processors=processors, max_new=max_new, decoder=decoder, **options)


def wish(place, text):
    return next(each for each in place.candidates if each.text == text)


def blame(place, text):
    return [who.by for who in wish(place, text).removed]


# ------------------------------------------------------------------------------------------------ exact figures


def test_a_constraint_costs_the_probability_that_it_takes_away():
    explained = told("ban=a", max_new=1)
    assert dict(explained.by_constraint) == pytest.approx({VOCABULARY: 0, "ban=a": -log(0.5), PROOF: 0})
    assert explained.together == pytest.approx(-log(0.5))


def test_a_place_costs_what_rules_and_choice_gave_away():
    [place] = explain_text(table_engine(), "c", processors=("ban=a", "length=1")).places
    assert (place.nats, place.constrained, place.drawn) == pytest.approx((-log(0.15), log(0.5 / 0.3), log(0.3 / 0.15)))
    assert place.cost == pytest.approx(log(0.5 / 0.15))


def test_constraints_are_counted_alone_and_together():
    explained = told("ban=a", "ban=a|b", max_new=1)
    assert [nats for _, nats in explained.by_constraint] == pytest.approx([0, -log(0.5), -log(0.2), 0])
    assert explained.together == pytest.approx(-log(0.2))


def test_a_constraint_that_forbids_the_end_pays_for_it():
    explained = told("length=1", max_new=5)
    assert dict(explained.by_constraint)["length=1"] == pytest.approx(-log(0.95))
    assert blame(explained.places[0], "(end)") == ["length=1"]


def test_the_end_is_a_place_of_its_own():
    explained = explain_text(table_engine(), "ab", max_new=9)
    assert [place.end for place in explained.places] == [False, False, True]
    assert explained.places[-1].nats == pytest.approx(-log(0.05))
    assert explained.new == "ab"


def test_the_proof_removes_tokens_that_lead_nowhere_though_none_forbids():
    [first, *_] = told("force=2:b", "no_repeat=1", "length=2").places
    assert blame(first, "b") == [PROOF]
    assert blame(first, "a") == []
    assert first.masses[-1] == pytest.approx(log(0.95 / 0.65))


def test_what_exceeds_the_budget_leads_nowhere_without_being_asked():
    [place] = told("choice=bcc|a", max_new=1, top=1).places
    assert place.masses[-1] == pytest.approx(log(0.8 / 0.5))


def test_a_shaper_is_blamed_and_charged_for_its_cuts():
    explained = told("ban=a", "top_k=1", max_new=1)
    assert blame(explained.places[0], "c") == ["top_k=1"]
    assert explained.by_shaper == [("top_k=1", pytest.approx(log(0.5 / 0.3)))]


def test_a_shaper_that_only_weighs_costs_nothing():
    assert told("temperature=0.5", "top_p=0.999", max_new=1).by_shaper == [("temperature=0.5", 0), ("top_p=0.999", 0)]


def test_only_the_shaper_that_cut_first_is_blamed():
    explained = told("top_k=2", "top_k=1", max_new=1)
    assert [blame(explained.places[0], text) for text in "abc"] == [[], ["top_k=1"], ["top_k=2"]]


def test_what_has_no_alternative_is_forced():
    assert [place.forced for place in told("force=2:b", "length=3").places] == [False, True, False]


def test_as_many_wishes_are_told_as_asked_and_the_chosen():
    [place] = told("ban=a|b", max_new=1, top=1).places
    assert [(each.text, each.chosen) for each in place.candidates] == [("a", False), ("c", True)]


class NoA:
    """A rule with words for what it wants."""

    def start(self, text):
        return 0

    def step(self, state, char):
        return None if char == "a" else state

    def accepts(self, state):
        return True

    def describe_next(self, state):
        return "anything but a"


def test_a_rule_says_in_words_what_it_wants():
    [place] = told(Named("no a", NoA()), max_new=1).places
    assert [(who.by, who.why) for who in wish(place, "a").removed] == [("no a", "anything but a")]


def test_rules_of_one_name_are_told_as_one():
    explained = told(Named("no a, b", NoA()), Named("no a, b", ban(("b",))), max_new=1)
    assert explained.by_constraint[1] == ("no a, b", pytest.approx(-log(0.2)))
    assert [blame(explained.places[0], text) for text in "ab"] == [["no a, b"], ["no a, b"]]


def test_a_stop_string_is_no_part_of_what_is_explained():
    after = {(0,): [0, 9, 0], (1,): [0, 0, 9], (2,): [0, 9, 0]}  # a, then b, then a again
    engine = Engine(table_model("", "a", "b", order=1, table=after))
    [done] = engine.generate("", processors=["stop=ba"], max_new=5, decoder="greedy")
    explained = explain(engine, done, processors=["stop=ba"], max_new=5)
    assert (done.finish, explained.new, len(explained.places)) == ("stop", "a", 1)


# ------------------------------------------------------------------------------------------- texts from elsewhere


def test_rules_that_a_given_text_breaks_then_fall_silent():
    explained = explain_text(table_engine(), "aba", processors=("ban=b", "length=3"))
    assert [place.broken for place in explained.places] == [(), ("ban=b",), ()]
    assert explained.places[2].masses[1] == 0
    assert explained.places[2].masses[2] == pytest.approx(-log(0.95))


def test_a_text_must_begin_with_its_prompt():
    with pytest.raises(GenError, match="does not begin with the prompt 'b'"):
        explain_text(table_engine(), "ab", prompt="b")


def test_a_character_that_the_model_cannot_write_is_refused():
    engine = Engine(table_model("", "a", "", unk=2))
    with pytest.raises(GenError, match="no token for 鬱"):
        explain_text(engine, "a鬱")


def test_the_prompt_is_read_and_not_explained():
    explained = explain_text(engine_of(chars("abc")), "cab", prompt="c", processors=("length=2",))
    assert (explained.prompt, explained.new) == ("c", "ab")


def test_a_text_begins_after_its_prompt_even_within_a_token():
    engine = Engine(table_model("", "a", "b", "ab"))
    explained = explain_text(engine, "ab", prompt="a", processors=("length=1",))
    assert [place.text for place in explained.places] == ["b"]


def test_a_text_of_nothing_but_its_prompt_has_no_places():
    explained = explain_text(table_engine(), "a", prompt="a", processors=("length=1,of=whole",))
    assert (explained.places, explained.nats) == ((), 0)


# ---------------------------------------------------------------------------------------------------------- laws


def everything(case, engine, shapers, decoder="sample"):
    """Every completion of a case, and its explanation with all wishes."""
    processors = some.processors(case, shapers)
    for done in engine.generate(
        case.prompt, processors=processors, max_new=case.budget, num=2, seed=5, decoder=decoder
    ):
        options = {"prompt": case.prompt, "processors": processors, "max_new": case.budget}
        yield done, explain(engine, done, top=len(case.vocabulary), **options)


@given(some.cases(), st.data())
@some.examples(20)
def test_what_is_left_is_what_leads_to_a_text(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = data.draw(some.models(case.vocabulary))
    for done, explained in everything(case, engine, data.draw(some.shapers())):
        for number, place in enumerate(explained.places):
            choices = case.world.choices(done.tokens[:number])
            rules = [each for each in place.candidates if {who.kind for who in each.removed} <= {"shaper"}]
            assert len(rules) == len(choices)
            assert exp(-place.together) == pytest.approx(sum(each.probability for each in rules), abs=1e-6)


@given(some.cases(), st.data())
@some.examples(20)
def test_the_text_and_its_nats_are_told_as_they_were(case, data):
    assume(not case.refuses() and case.world.legal)
    engine = data.draw(some.models(case.vocabulary))
    for done, explained in everything(case, engine, data.draw(some.shapers()), data.draw(st.sampled_from(DECODERS))):
        assert (explained.new, len(explained.places)) == (done.new, len(done.tokens) + (done.finish == "end"))
        pairs = zip((-place.nats for place in explained.places), done.logprobs, strict=False)
        assert [pair for pair in pairs if isfinite(pair[1]) and pair[0] != pytest.approx(pair[1], 1e-5, 1e-4)] == []
        assert all(sum(each.chosen for each in place.candidates) == 1 for place in explained.places)
        assert not any(place.broken for place in explained.places)


def test_long_texts_are_explained_in_stretches_with_equal_figures(monkeypatch):
    text = "abcabbcacabcba" * 2
    engine, options = engine_of(chars("abc")), {"processors": ("no_repeat=1", "top_k=2")}
    whole = explain_text(engine, text, prompt="a", **options)
    monkeypatch.setattr("gen_engine.inspecting.explain.STRETCH", 4)
    assert explain_text(engine, text, prompt="a", **options) == whole


DECODERS = ["sample", "greedy", "beam=2"]


@given(some.cases(), st.data())
@some.examples(20)
def test_no_cost_is_negative_nor_above_that_of_all(case, data):
    assume(not case.refuses() and case.world.legal)
    for _, explained in everything(case, data.draw(some.models(case.vocabulary)), data.draw(some.shapers())):
        for place in explained.places:
            assert min(place.constrained, place.drawn, place.together, *place.masses, *place.shaped, 0) == 0
            assert place.together >= max(place.masses) - 1e-6


@given(some.cases(), st.data())
@some.examples(20)
def test_a_rule_is_blamed_only_for_what_it_forbids(case, data):
    assume(not case.refuses() and case.world.legal)
    for done, explained in everything(case, data.draw(some.models(case.vocabulary)), ()):
        for label, rule in zip(explained.constraints[-1 - len(case.wishes) : -1], case.wishes, strict=True):
            alone = case.only((rule,)).world
            for number, place in enumerate(explained.places):
                blamed = [wish for wish in place.candidates if label in [who.by for who in wish.removed]]
                free = len(place.candidates) - len(alone.choices(done.tokens[:number]))
                assert len(blamed) <= free


# --------------------------------------------------------------------------------------------------- how it is shown


class Watch(HTMLParser):
    """What a page asks for from elsewhere, and the text of its elements."""

    def __init__(self):
        super().__init__()
        self.asks, self.open, self.texts = [], [], {}

    def handle_starttag(self, tag, attributes):
        self.asks += [value for name, value in attributes if name in ("src", "href", "action")]
        self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        self.texts.setdefault(tuple(self.open[-1:]), []).append(data)


def test_a_page_needs_nothing_else_and_holds_everything():
    explained = told("ban=a", "top_k=1")
    watch = Watch()
    watch.feed(html := page([explained]))
    assert watch.asks == []
    assert not [word for word in ("http:", "https:", "url(", "@import", "fetch(") if word in html]
    [record] = json.loads(watch.texts[("script",)][1])["texts"]
    assert record["constraints"] == explanation_record(explained)["constraints"]
    assert [place["shown"] for place in record["places"]] == [place.text for place in explained.places]


def test_no_text_can_break_out_of_a_page():
    evil = "</script><script>alert(1)</script><!--"
    engine = engine_of(chars("".join(dict.fromkeys(evil))))
    html = page([explain_text(engine, evil, prompt=evil[:9])])
    assert html.count("</script>") == page([]).count("</script>")
    assert "<script>alert" not in html


def shown(html):
    watch = Watch()
    watch.feed(html)
    [record] = json.loads(watch.texts[("script",)][1])["texts"]
    return [record["prompt"], *(place["shown"] for place in record["places"])]


def test_a_page_shows_the_text_as_it_is_laid_out():
    explained = explain_text(table_engine(), "abca", prompt="ab", processors=["length=2"])
    assert shown(page([explained], lines=lambda text: [text[:1].upper(), text[1:3], text[3:]])) == ["A\nb", "c\n", "a"]


def test_a_page_shows_the_text_itself_not_its_layout():
    explained = explain_text(engine_of(chars("ab\n")), "a\nb", processors=["length=3"])
    assert shown(page([explained])) == ["", "a", "\n", "b"]


def test_sentences_get_lines_where_the_text_has_none():
    assert sentences("春。夏，秋！？冬") == ["春。", "夏，秋！？", "冬"]
    assert sentences("春。\n夏。秋。") == ["春。", "夏。秋。"]
    assert sentences("") == [""]


def test_a_cost_without_limit_is_null_in_json():
    engine = Engine(table_model("", "a", "b", order=0, table={(): [0.0, 0.0, -inf]}))
    explained = explain_text(engine, "b", processors=("ban=a", "length=1"))
    assert not isfinite(explained.nats)
    assert json.loads(json.dumps(explanation_record(explained), allow_nan=False))["nats"] is None


def test_the_tables_name_wishes_their_removers_and_the_totals():
    out = StringIO()
    print_explanation(out, told("force=2:b", "no_repeat=1", "length=2"))
    first, second = out.getvalue().splitlines()[3:5]
    assert "b: no text behind it" in first
    assert "forced" in second
    assert "all constraints together" in out.getvalue()


EXPLAINED = [("force=2:b", "no_repeat=1", "length=2"), ("ban=c", "length=3"), ("no_repeat_ngram=2",)]


@pytest.mark.parametrize("rules", EXPLAINED, ids=" ".join)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_tables_fit_the_terminal_and_explain_their_words(monkeypatch, rules, width):
    as_terminal(monkeypatch, width, NO_COLOR="1")
    out = StringIO()
    print_explanation(out, told(*rules))
    shown = out.getvalue()
    assert [line for line in shown.splitlines() if cells(line) > width or line != line.rstrip()] == []
    assert "cost: by how much" in shown
    assert re.search(r"\d  █+$", shown, re.MULTILINE) or width == 60


def test_for_programs_tables_have_tabs_without_bars_and_legends():
    out = StringIO()
    print_explanation(out, told("ban=c", "length=3"))
    places, totals = out.getvalue().strip().split("\n\n")
    assert places.split("\n")[1].split("\t")[:2] == ["#", "text"]
    assert len(places.split("\n")) == 2 + 3
    assert {line.count("\t") for line in totals.split("\n")[1:]} == {2}


def test_names_are_short_where_that_tells_them_apart():
    labels = ["form=4x5", "ban=a", "ban=b,of=new", "no_unk"]
    assert list(short_names(labels).values()) == ["form", "ban=a", "ban=b,of=new", "no_unk"]


# ------------------------------------------------------------------------------------------------ the command line


@pytest.fixture
def gen(monkeypatch):
    monkeypatch.setattr("gen_engine.engine.load", lambda name, **_: table_engine())
    return lambda *words: CliRunner().invoke(cli.make_cli(), words, catch_exceptions=False)


def test_gen_explain_tells_of_new_texts_and_of_given_ones(gen):
    new = gen("explain", "--model", "m", "--with", "ban=a", "--max-new", "2", "--seed", "1").stdout
    given = gen("explain", "--model", "m", "--text", "ab", "--prompt", "a", "--with", "ban=b").stdout
    assert "ban=a" in new
    assert given.startswith("ab\n")
    assert "the text breaks ban=b" in given


def test_gen_explain_prints_json_for_each_text(gen):
    done = gen("explain", "--model", "m", "--num", "2", "--json", "--max-new", "2", "--seed", "1")
    for record in map(json.loads, done.stdout.splitlines()):
        assert record["explanation"]["new"] == record["new"]
        assert record["logprob"] == pytest.approx(-record["explanation"]["nats"])


def test_gen_explain_writes_a_page_of_all_texts(gen, tmp_path):
    gen("explain", "--model", "m", "--num", "3", "--max-new", "2", "--html", str(tmp_path / "page.html"))
    assert (tmp_path / "page.html").read_text("utf-8").count('"decoder"') == 3
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_gen_explain_refuses_to_make_several_of_a_given_text(gen):
    with pytest.raises(GenError, match="leave them out"):
        gen("explain", "--model", "m", "--text", "a", "--num", "2")


def test_any_generating_command_explains_what_it_wrote(gen, tmp_path):
    wanted = ["text", "--model", "m", "--with", "ban=a", "--max-new", "2", "--seed", "1", "--explain"]
    assert "all constraints together" in gen(*wanted).stdout
    gen(*wanted, str(tmp_path / "page.html"))
    assert "ban=a" in (tmp_path / "page.html").read_text("utf-8")
    assert json.loads(gen(*wanted, "--json").stdout)["explanation"]["model"] == "table"


def test_a_page_is_a_file_of_html(gen):
    done = gen("text", "--model", "m", "--explain", "page.txt")
    assert done.exit_code == 2
    assert "--explain FILE.html" in done.stderr
