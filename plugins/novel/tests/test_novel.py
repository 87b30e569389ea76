"""`gen novel` on the shipped model: exact length, no repeats, and the tutorial's generator as its greedy case."""

import json
from functools import cache

import numpy as np
import pytest
from click.testing import CliRunner

import gen_engine as gen
from gen_engine.cli.main import make_cli
from gen_engine.errors import GenError
from gen_engine.text import is_punctuation
from gen_novel.command import rules

PROMPT = "话说宝玉次日起来，"
WORDS = ("--no-repeat", 30, "--repeat-words")


@cache
def engine():
    return gen.load("novel")


def novel(*arguments, stdin=None):
    arguments = ["novel", *map(str, arguments)]
    return CliRunner().invoke(make_cli(), arguments, catch_exceptions=False, input=stdin)


def repeats(text, window):
    """The places whose character stands among the `window` before it, punctuation aside."""
    marked = ["" if is_punctuation(char) else char for char in text]
    return [i for i, char in enumerate(marked) if char and char in marked[max(0, i - window) : i]]


def test_the_text_has_its_length_and_repeats_no_six_characters():
    done = json.loads(novel("--prompt", PROMPT * 2, "--len", 90, "--seed", 3, "--json").stdout)
    plain = "".join(char for char in done["text"] if not is_punctuation(char) and not char.isspace())
    runs = [plain[i : i + 6] for i in range(len(PROMPT * 2) - 6, len(plain) - 5)]
    assert len(done["new"]) == 90
    assert not [run for run in runs if plain.index(run) < plain.rindex(run)]


def test_no_character_stands_twice_within_so_many_by_option():
    done = json.loads(novel("--prompt", PROMPT, "--len", 60, "--seed", 3, "--json", "--no-repeat", 30).stdout)
    assert len(done["new"]) == 60
    assert not [place for place in repeats(done["text"], 30) if place >= len(PROMPT)]


def test_function_words_may_repeat_by_option_and_others_still_not():
    done = json.loads(novel("--prompt", PROMPT, "--len", 90, "--seed", 3, "--json", *WORDS).stdout)
    again = {done["text"][place] for place in repeats(done["text"], 30) if place >= len(PROMPT)}
    assert again <= set("的了是不我他你她在着也就都这那有人一来去说道么")


@pytest.mark.parametrize("given", [(), ("--no-repeat", 0)])
def test_words_that_may_repeat_need_a_rule_against_characters(given):
    with pytest.raises(GenError, match="add --no-repeat 30"):
        novel("--prompt", PROMPT, "--repeat-words", *given)


@pytest.mark.parametrize(
    ("given", "drawn"),
    [("", "top_p=0.85"), ("--no-repeat 30", "top_k=10"), ("--no-repeat 0", "top_p=0.85"), ("--top-k 7", "top_k=7"),
     ("--with top_p=0.5", "top_p=0.5"), ("--temperature 2", "temperature=2.0 top_p=0.85")],
)  # fmt: skip
def test_what_is_drawn_from(monkeypatch, given, drawn):
    asked = []
    monkeypatch.setattr("gen_novel.command.continue_text", lambda *_, processors, **__: asked.extend(processors))
    novel("--prompt", PROMPT, *given.split())
    found = asked[asked.index("length=300") + 1 :]
    assert " ".join(found) == drawn


def test_a_text_ends_with_the_first_sentence_after_its_length():
    done = json.loads(novel("--prompt", PROMPT, "--len", 20, "--end", "sentence", "--seed", 3, "--json").stdout)
    assert [i for i, char in enumerate(done["new"]) if char in "。！？…" and i >= 20] == [len(done["new"]) - 1]


def test_a_text_beyond_the_positions_of_the_model_goes_on():
    length = engine().model.positions + 40
    (done,) = engine().generate(
        PROMPT, processors=(*rules(length, False, 30, False), "top_k=10"), seed=1, max_new=length
    )
    assert len(done.new) == length


def test_the_prompt_comes_from_a_file_or_from_standard_input(tmp_path):
    (tmp_path / "prompt.txt").write_text(PROMPT + "\n", "utf-8")
    of_file = novel("--file", tmp_path / "prompt.txt", "--len", 9, "--seed", 1).stdout
    assert of_file == novel("--file", "-", "--len", 9, "--seed", 1, stdin=PROMPT).stdout
    assert of_file.startswith(PROMPT)


def test_nothing_to_continue_is_said():
    with pytest.raises(GenError, match="nothing to continue"):
        novel("--prompt", "  ")


def tutorial(model, length):
    """The tutorial's loop: the first of the ten likeliest that is legal; None stands for its [PAD]."""
    vocabulary = model.tokenizer.vocabulary
    prompt, cache = model.tokenizer.encode(PROMPT), model.model.open(1)
    text, tokens, parents, keep = PROMPT, prompt.tokens, [-1], [0]
    for _ in range(length):
        logits = model.model.feed(cache, parents, keep, [tokens])[0]
        recent = {char for char in text[-30:] if not is_punctuation(char)}
        ten = np.argsort(-logits, kind="stable")[:10].tolist()
        legal = (token for token in ten if token not in vocabulary.specials and vocabulary.texts[token] not in recent)
        token = next(legal, None)
        yield None if token is None else vocabulary.texts[token]
        if token is None:
            return
        read = len(prompt.tokens) + len(text) - len(PROMPT)
        text, parents, keep, tokens = text + vocabulary.texts[token], [0], [read], [token]


def test_greedy_is_the_tutorials_generator_up_to_its_first_pad():
    length = 120
    (done,) = engine().generate(
        PROMPT, processors=(*rules(length, False, 30, False), "top_k=10"), decoder="greedy", max_new=length
    )
    theirs = list(tutorial(engine(), length))
    same = theirs.index(None) if None in theirs else length
    assert "".join(theirs[:same]) == done.new[:same]
    assert same > 10
