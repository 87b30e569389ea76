"""A context: the model reads it before the text, and nobody else knows of it."""

import json

import pytest
import strategies as some
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tiny import engine_of
from transformers import GPT2Config, GPT2LMHeadModel

from gen_engine.cli import main as cli
from gen_engine.engine import Engine, load
from gen_engine.errors import GenError
from gen_engine.inspecting.explain import explain, explain_text
from gen_engine.interop import as_logits_processor
from gen_engine.models import loading as transformers_lm
from gen_engine.models.window import window
from gen_engine.testing.models import TableModel, table_model
from gen_engine.types import Request

DECODERS = ["sample", "greedy", "beam,width=3", "smc,particles=4"]
POSITIONS = 16


def letters(**options):
    return Engine(table_model("", "a", "b", "c", order=9, **options))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A GPT-2 of few positions over the letters a to p."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("gpt2")
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghijklmnop"]
    config = GPT2Config(n_positions=POSITIONS, n_embd=16, n_layer=2, n_head=2, vocab_size=21, initializer_range=0.5)
    config.bos_token_id, config.eos_token_id = 2, 3
    GPT2LMHeadModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def models(folder):
    """The same weights, run by the plugin and by transformers."""
    engines = [load(folder, dtype="float32"), Engine(transformers_lm.load(folder, name="t", dtype="float32"))]
    return [engine.model for engine in engines]


# ------------------------------------------------------------------------------------------------ what reads it


@given(st.text("abc", min_size=1, max_size=3), st.text("abc", max_size=3), st.sampled_from(DECODERS), st.integers(0, 9))
@some.examples(40)
def test_the_model_reads_it_as_the_beginning_of_the_prompt(context, prompt, decoder, salt):
    options = {"decoder": decoder, "seed": 5, "max_new": 4, "num": 2}
    told = letters(salt=salt).generate(prompt, context=context, **options)
    typed = letters(salt=salt).generate(context + prompt, **options)
    assert [(each.new, each.logprobs) for each in told] == [(each.new, each.logprobs) for each in typed]
    assert [each.text for each in told] == [prompt + each.new for each in told]


@given(st.text("abc", min_size=1, max_size=3), st.sampled_from(DECODERS))
@some.examples(20)
def test_no_constraint_and_no_shaper_sees_it(context, decoder):
    seen = []

    def spy(step, logits):
        seen.extend(map(len, step.histories))
        return logits

    processors = ("no_repeat=9", f"ban={context[0]}", "length=2", spy)
    [done] = letters().generate("", context=context, processors=processors, decoder=decoder, seed=1)
    assert (len(set(done.text)), context[0] in done.text) == (2, False)
    assert set(seen) <= {1, 2, 3}  # the token that begins every prompt, and what is written


@given(st.data())
@some.examples(25)
def test_texts_with_contexts_are_the_same_alone_and_together(data):
    vocab = data.draw(some.vocabularies())
    wanted = data.draw(st.lists(some.requests(vocab), min_size=2, max_size=4))
    alone = [repr(engine_of(vocab).generate_batch([request])) for request in wanted]
    assert [repr([found]) for found in engine_of(vocab).generate_batch(wanted)] == alone


def test_a_stream_holds_none_of_it():
    engine = letters()
    [done] = engine.generate("a", context="cb", seed=3, max_new=5)
    assert "".join(engine.stream("a", context="cb", seed=3, max_new=5)) == done.new


def test_an_explanation_reads_it():
    engine = letters()
    [done] = engine.generate("a", context="cb", processors=("length=3",), seed=3)
    told = explain(engine, done, prompt="a", context="cb", processors=("length=3",))
    assert told.nats == pytest.approx(-done.logprob, rel=1e-5)
    read = explain_text(engine, done.text, prompt="a", context="cb", processors=("length=3",))
    assert read.nats == pytest.approx(told.nats)


# -------------------------------------------------------------------------------------------- beyond the positions


def slid(model, tokens, pinned):
    """Logits after tokens, of which the window alone is read."""
    read = window(len(tokens), POSITIONS, pinned).read(tokens)
    return model.feed(model.open(1), [-1], [0], [read])[0]


@given(st.integers(1, POSITIONS // 2), st.integers(POSITIONS + 1, 40), st.data())
@some.examples(40)
def test_a_long_row_keeps_what_is_pinned(models, pinned, length, data):
    tokens = [2, *data.draw(st.lists(st.integers(5, 20), min_size=length - 1, max_size=length - 1))]
    edge = data.draw(st.integers(pinned, length - 1))
    for model in models:
        cache = model.open(1)
        model.feed(cache, [-1], [0], [tokens[:edge]], None, [pinned])
        found = model.feed(cache, [0], [edge], [tokens[edge:]], [length - edge], [pinned])
        wanted = [slid(model, tokens[:count], pinned) for count in range(edge + 1, length + 1)]
        torch.testing.assert_close(found, torch.stack(wanted), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_text_that_outgrows_the_model_still_follows_its_context(models, decoder):
    for model in models:
        engine = Engine(model)
        wish = {"processors": ("no_special", "no_unk", "length=30"), "decoder": decoder, "seed": 1}
        [done] = engine.generate("a b", context="p o n m", **wish)
        row = list(engine.read("a b", "p o n m").read)
        pinned = engine.read("a b", "p o n m").pinned
        for token, logprob in zip(done.tokens, done.logprobs, strict=False):
            assert slid(model, row, pinned).log_softmax(-1)[token] == pytest.approx(logprob, abs=1e-3)
            row.append(token)
        told = explain(engine, done, prompt="a b", context="p o n m", processors=wish["processors"])
        assert told.nats == pytest.approx(-done.logprob, rel=1e-3)


def test_a_context_that_leaves_no_room_is_refused(models):
    for model in models:
        with pytest.raises(GenError, match="has room for 7"):
            Engine(model).generate("a", context=" ".join("abcdefgh"))
        assert Engine(model).generate("a", context=" ".join("abcdefg"), max_new=20)


class Old(TableModel):
    """A model that knows nothing of contexts."""

    def feed(self, cache, parents, keep, tokens, last=None):
        return super().feed(cache, parents, keep, tokens, last)


def test_a_model_that_knows_no_contexts_reads_them_as_text():
    model = letters().model
    old = Old(model.tokenizer, order=9, positions=8)
    wish = {"context": "cb", "seed": 2, "max_new": 4}
    assert Engine(old).generate("a", **wish)[0].new == Engine(model).generate("a", **wish)[0].new


# ---------------------------------------------------------------------------------------------------- elsewhere


def test_generate_of_transformers_is_given_it(folder):
    engine = load(folder, dtype="float32")
    wish = {"context": "p o n", "processors": ["no_special", "no_unk", "length=10"], "max_new": 5}
    chain = as_logits_processor(engine, "a b", **wish)
    model = GPT2LMHeadModel.from_pretrained(folder).eval()
    [row] = model.generate(**chain.inputs, logits_processor=[chain], do_sample=False)
    assert chain.text(row) == engine.generate("a b", decoder="greedy", **wish)[0].text
    assert len(chain.inputs["input_ids"][0]) == 6


def test_a_chain_alone_encodes_no_context(folder):
    engine = load(folder, dtype="float32")
    prompt = engine.read("a b", "p o n")
    assert as_logits_processor(engine.chain(["length=2"]), prompt).plan.prompt.read == prompt.read
    with pytest.raises(GenError, match=r"engine\.read"):
        as_logits_processor(engine.chain(["length=2"]), prompt, context="pon")


def told(*words):
    done = CliRunner().invoke(cli.make_cli(), words, catch_exceptions=False)
    return json.loads(done.stdout)


def test_commands_read_it(folder):
    asked = ("--model", str(folder), "--dtype", "float32", "--prompt", "a b", "--max-new", "4", "--seed", "3", "--json")
    wish = {"max_new": 4, "seed": 3}
    [done] = load(folder, dtype="float32").generate("a b", context="p o n", **wish)
    text, plain = told("text", *asked, "--context", "p o n"), told("text", *asked)
    assert (text["text"], text["context"]) == (done.text, "p o n")
    assert "context" not in plain
    found = told("explain", *asked, "--context", "p o n")
    assert (found["text"], found["explanation"]["context"]) == (done.text, "p o n")


def test_a_request_says_it_last():
    assert Request("a", context="b") == Request("a", (), 1, None, 256, "sample", Request("").patience, "b")
