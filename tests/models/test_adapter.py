"""Reading models: folders are read safely and whole, tokens print what they print, any causal LM is a LanguageModel."""

import json
import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from gen_engine.errors import GenError
from gen_engine.models import checkpoint, conversion
from gen_engine.models import loading as transformers_lm
from gen_engine.models.tokenizer import load_tokenizer
from gen_engine.models.window import window
from gen_engine.testing import model_laws
from gen_engine.testing.laws import judge
from gen_engine.testing.models import table_model

HAN = "白日依山尽黄河入海流"
BERT = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##", "，", *HAN, *(f"##{char}" for char in HAN)]
BERT += ["moon", "##light", "a", "##b"]


def write_json(path, content):
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


# --------------------------------------------------------------------------------------------------- checkpoints


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory):
    """A GPT-2 of transformers, saved, with a BERT vocabulary."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(n_layer=2, n_head=2, n_embd=16, vocab_size=40, n_positions=24, initializer_range=0.3)
    config.bos_token_id = config.eos_token_id = None
    folder = tmp_path_factory.mktemp("gpt2") / "base"
    GPT2LMHeadModel(config).save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "vocab.txt").write_text("\n".join(BERT) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def net(gpt2, tmp_path):
    """A function that saves the weights of `gpt2`, changed by a function, as the tutorials do."""

    def save(change=lambda tensors: tensors):
        tensors = load_file(gpt2 / "model.safetensors")
        tensors["lm_head.weight"] = tensors["transformer.wte.weight"]
        torch.save(change(tensors), tmp_path / "net.pt")
        return tmp_path / "net.pt"

    return save


def prefixed(prefix):
    return lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "gpt2.", "transformer.", "module.model.", "net.lm."])
def test_a_tutorials_state_dict_becomes_a_model_folder(gpt2, net, tmp_path, prefix):
    conversion.convert(net(prefixed(prefix)), gpt2, tmp_path / "out")
    made, base = (load_file(folder / "model.safetensors") for folder in (tmp_path / "out", gpt2))
    assert made.keys() == base.keys()
    assert all(torch.equal(made[name], base[name]) for name in base)
    assert (tmp_path / "out" / "vocab.txt").read_bytes() == (gpt2 / "vocab.txt").read_bytes()


def test_a_bare_transformer_is_converted_without_its_tied_head(gpt2, net, tmp_path):
    def bare(tensors):
        return {n.removeprefix("transformer."): t for n, t in tensors.items() if n != "lm_head.weight"}

    conversion.convert(net(bare), gpt2, tmp_path / "out")
    assert load_file(tmp_path / "out" / "model.safetensors").keys() == load_file(gpt2 / "model.safetensors").keys()


def without(*names):
    return lambda tensors: {name: tensor for name, tensor in tensors.items() if name not in names}


@pytest.mark.parametrize(
    "change, reason",
    [
        (without("transformer.ln_f.bias"), r"lacks transformer\.ln_f\.bias"),
        (without("transformer.wte.weight", "lm_head.weight"), r"lacks .*wte"),
        (lambda tensors: tensors | {"classifier.weight": torch.ones(2)}, r"unexpected classifier\.weight"),
        (lambda tensors: tensors | {"lm_head.weight": torch.ones(40, 16)}, r"unlike transformer\.wte\.weight"),
        (lambda tensors: tensors | {"transformer.ln_f.bias": torch.ones(3)}, r"of shape \(3,\)"),
        (lambda tensors: [1, 2], "no state dict"),
        (lambda tensors: torch.nn.Linear(2, 2), "pickled object.*state_dict"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(gpt2, net, tmp_path, change, reason):
    with pytest.raises(GenError, match=reason):
        conversion.convert(net(change), gpt2, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".out*"))


def test_a_file_that_is_no_checkpoint_is_refused(gpt2, tmp_path):
    (tmp_path / "net.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(GenError, match=r"net\.pt"):
        conversion.convert(tmp_path / "net.pt", gpt2, tmp_path / "out")


def test_a_folder_in_use_is_not_overwritten(gpt2, net):
    with pytest.raises(GenError, match="exists already"):
        conversion.convert(net(), gpt2, gpt2)


def test_pickled_weights_are_refused_with_the_remedy(gpt2, tmp_path):
    shutil.copy(gpt2 / "config.json", tmp_path)
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(GenError, match=r"gen convert .*pytorch_model\.bin --base"):
        checkpoint.read_weights(tmp_path)


@pytest.mark.parametrize("size", [0, 7, 200, -1])
def test_a_truncated_file_is_never_half_loaded(gpt2, tmp_path, size):
    (tmp_path / "model.safetensors").write_bytes((gpt2 / "model.safetensors").read_bytes()[:size])
    with pytest.raises(GenError, match="damaged or cut short"):
        checkpoint.read_weights(tmp_path)


def test_shards_are_read_as_one(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "1.safetensors")
    save_file({"b": torch.ones(2)}, tmp_path / "2.safetensors")
    places = {"a": "1.safetensors", "b": "2.safetensors"}
    write_json(tmp_path / "model.safetensors.index.json", {"weight_map": places})
    assert checkpoint.read_weights(tmp_path).keys() == {"a", "b"}
    write_json(tmp_path / "model.safetensors.index.json", {"weight_map": places | {"c": "2.safetensors"}})
    with pytest.raises(GenError, match="lacks c"):
        checkpoint.read_weights(tmp_path)


@pytest.mark.parametrize("place", ["../1.safetensors", "3.safetensors", 5])
def test_shards_elsewhere_are_refused(tmp_path, place):
    (tmp_path / "model").mkdir()
    save_file({"a": torch.ones(1)}, tmp_path / "1.safetensors")
    write_json(tmp_path / "model" / checkpoint.INDEX, {"weight_map": {"a": place}})
    with pytest.raises(GenError, match="fetch"):
        checkpoint.read_weights(tmp_path / "model")


def test_a_failed_write_leaves_the_old_file(tmp_path):
    checkpoint.write_weights(tmp_path / "w.safetensors", {"a": torch.ones(1)})
    with pytest.raises(AttributeError):
        checkpoint.write_weights(tmp_path / "w.safetensors", {"a": None})
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]
    assert load_file(tmp_path / "w.safetensors")["a"].tolist() == [1]


# ---------------------------------------------------------------------------------------------------- tokenizers


@pytest.fixture(scope="module")
def bert(gpt2):
    return load_tokenizer(gpt2, 40)


def byte_bpe(folder, **settings):
    """A folder with a byte-level BPE of GPT-2's kind."""
    from tokenizers import ByteLevelBPETokenizer

    made = ByteLevelBPETokenizer()
    made.train_from_iterator([HAN * 9, "the moonlight, the moon"] * 9, vocab_size=300, show_progress=False)
    made.add_special_tokens(["<|endoftext|>"])
    made.save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", {"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"})
    return load_tokenizer(folder, **settings)


def test_the_leading_mark_is_kept_and_the_trailing_one_dropped(bert):
    prompt = bert.encode("白，日")
    assert [bert.vocabulary.names[token] for token in prompt.tokens] == ["[CLS]", "白", "，", "日"]
    assert prompt.spans == ((0, 0), (0, 1), (1, 2), (2, 3))


def test_a_vocabulary_file_is_read_as_transformers_reads_it(gpt2, bert):
    from transformers import BertTokenizer

    theirs = BertTokenizer(str(gpt2 / "vocab.txt"))
    for text in ["白日 依山\n尽", "MoonLight，ab", "月光 Ab é", ""]:
        assert [*bert.encode(text).tokens, 4] == theirs(text)["input_ids"]


def test_special_tokens_that_are_typed_are_text(bert):
    assert not {3, 4, 5} & set(bert.encode("白[SEP]日[MASK]").tokens[1:])


def test_bert_pieces_print_without_their_mark_and_specials_print_nothing(bert):
    texts = dict(zip(bert.vocabulary.names, bert.vocabulary.texts, strict=True))
    assert [texts[name] for name in ("白", "##light", "##", "[CLS]", "[unused1]")] == ["白", "light", "", "", ""]
    assert bert.vocabulary.names[bert.vocabulary.end] == "[SEP]"


def test_twins_and_columns_without_a_token_are_unused(bert):
    names = [bert.vocabulary.names[token] for token in sorted(bert.vocabulary.unused)]
    assert names[: len(HAN) + 1] == ["##", *(f"##{char}" for char in HAN)]
    assert names[len(HAN) + 1 :] == [f"[column {i}]" for i in range(len(BERT), 40)]


def test_twins_stay_where_the_tokenizer_itself_uses_them(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(BERT), encoding="utf-8")
    write_json(tmp_path / "tokenizer_config.json", {"tokenize_chinese_chars": False})
    assert load_tokenizer(tmp_path).vocabulary.unused == {BERT.index("##")}


def test_unknown_characters_are_told_once_in_order(bert):
    assert bert.encode("月白光月").unknown == ("月", "光")


def test_byte_level_tokens_print_their_bytes(tmp_path):
    tokenizer = byte_bpe(tmp_path)
    vocabulary, text = tokenizer.vocabulary, "白日 moonlight\n🌙"
    prompt = tokenizer.encode(text)
    assert vocabulary.text_of(prompt.tokens) == text
    assert (prompt.unknown, vocabulary.unk, vocabulary.names[vocabulary.end]) == ((), None, "<|endoftext|>")
    assert prompt.spans[-1] == (len(text) - 1, len(text))


def test_an_empty_prompt_gives_the_model_something_to_read(tmp_path, bert):
    tokenizer = byte_bpe(tmp_path, columns=400)
    assert tokenizer.encode("").tokens == (tokenizer.vocabulary.end,)
    assert tokenizer.vocabulary.unused == frozenset(range(301, 400))
    assert bert.encode("").tokens == (3,)


def test_sentencepiece_spaces_and_bytes_are_printed(tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    made = Tokenizer(models.BPE({"<unk>": 0, "▁": 1, "白": 2, "<0x0A>": 3, "▁白": 5}, [("▁", "白")], unk_token="<unk>",
                                byte_fallback=True))  # fmt: skip
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    made.save(str(tmp_path / "tokenizer.json"))
    vocabulary = load_tokenizer(tmp_path).vocabulary
    assert vocabulary.surfaces == (b"", b" ", "白".encode(), b"\n", b"", " 白".encode())
    assert vocabulary.unused == {4}


def test_the_configured_end_wins(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(BERT), encoding="utf-8")
    write_json(tmp_path / "config.json", {"eos_token_id": [0, 1], "vocab_size": len(BERT)})
    assert load_tokenizer(tmp_path).vocabulary.end == 0


@pytest.mark.parametrize("content", ["{", '{"version": "1.0"}'])
def test_a_damaged_tokenizer_is_refused(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(GenError, match="damaged or of a newer kind"):
        load_tokenizer(tmp_path)


def test_half_a_surrogate_pair_is_refused(bert):
    with pytest.raises(GenError, match="Character 2"):
        bert.encode("白\ud800")


# ------------------------------------------------------------------------------------- any model of transformers


def llama(**options):
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**options, num_key_value_heads=2, max_position_embeddings=24))


def mistral(**options):
    """Its cache forgets what is beyond four tokens, so it cannot go back."""
    from transformers import MistralConfig, MistralForCausalLM

    return MistralForCausalLM(MistralConfig(**options, num_key_value_heads=2, sliding_window=4))


@pytest.fixture(scope="module", params=[llama, mistral])
def adapted(request, gpt2, tmp_path_factory):
    """A model, adapted to rows alone and to rows together, and the model itself."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = request.param(vocab_size=40, initializer_range=0.3, eos_token_id=4, bos_token_id=3, **sizes).eval()
    folder = tmp_path_factory.mktemp("adapted") / "model"
    model.save_pretrained(folder)
    shutil.copy(gpt2 / "vocab.txt", folder)
    loads = [transformers_lm.load(folder, name="tiny", dtype="float32", fast=fast) for fast in (False, True)]
    return *loads, model


@st.composite
def schedules(draw):
    """Calls of a few rows: (parent, how much of it is kept, new tokens, how many logits are asked)."""
    calls, lengths = [], []
    for _ in range(draw(st.integers(1, 4))):
        rows = []
        for _ in range(draw(st.integers(1, 4))):
            parent = draw(st.integers(-1, len(lengths) - 1))
            keep = draw(st.one_of(st.just(lengths[parent]), st.integers(1, lengths[parent]))) if parent >= 0 else 0
            new = draw(st.lists(st.integers(7, 39), min_size=1, max_size=4))
            rows.append((parent, keep, ([] if keep else [3]) + new, draw(st.integers(1, len(new)))))
        calls.append(rows)
        lengths = [keep + len(new) for _, keep, new, _ in rows]
    return calls


def run(model, calls):
    cache, found = model.open(1), []
    for rows in calls:
        parents, keep, new, last = zip(*rows, strict=True)
        found.append(model.feed(cache, parents, keep, new, last).split(list(last)))
    return found


def text_of(calls, number, row):
    parent, keep, new, _ = calls[number][row]
    return [*(text_of(calls, number - 1, parent)[:keep] if parent >= 0 else []), *new]


def line_of(calls, number, row):
    parent, keep, new, last = calls[number][row]
    return [*(line_of(calls, number - 1, parent) if parent >= 0 else []), [(0 if parent >= 0 else -1, keep, new, last)]]


@settings(max_examples=20, deadline=None)
@given(calls=schedules())
def test_an_adapted_row_is_what_its_text_makes_it(adapted, calls):
    *models, theirs = adapted
    for model in models:
        for row, logits in enumerate(run(model, calls)[-1]):
            text = text_of(calls, len(calls) - 1, row)
            with torch.inference_mode():
                whole = theirs(torch.tensor([text])).logits[0, -len(logits) :]
            torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(calls=schedules())
def test_an_adapted_row_is_bit_equal_to_itself_alone(adapted, calls):
    model = adapted[0]
    for number, rows in enumerate(run(model, calls)):
        for row, logits in enumerate(rows):
            assert torch.equal(run(model, line_of(calls, number, row))[-1][0], logits)


def test_what_an_adapted_model_says_of_rewinding_is_so(adapted):
    [law] = [each for each in model_laws.MODEL_LAWS if each.name == model_laws.REWINDS]
    found = [judge(law, model_laws.model_subject(model), 5).state for model in adapted[:-1]]
    assert found == ["holds" if model.rewinds else "not offered" for model in adapted[:-1]]


def test_a_long_text_slides_its_window(gpt2):
    model = transformers_lm.load(gpt2, name="tiny", dtype="float32")
    tokens = [3, *range(7, 40)]
    cache = model.open(1)
    model.feed(cache, [-1], [0], [tokens[:20]])
    steps = [model.feed(cache, [0], [i], [tokens[i : i + 1]])[0] for i in range(20, 34)]
    # 24 positions: 1 + 12 tokens are read again at 25 tokens, and 11 more fit.
    again = model.feed(model.open(1), [-1], [0], [[3, *tokens[13:]]])[0]
    torch.testing.assert_close(steps[-1], again, atol=1e-4, rtol=0)
    whole = model.feed(model.open(1), [-1], [0], [tokens], [14])
    torch.testing.assert_close(torch.stack(steps), whole, atol=1e-4, rtol=0)


@settings(deadline=None)
@given(positions=st.integers(2, 30), leading=st.booleans(), length=st.integers(1, 200))
def test_a_window_is_never_larger_than_the_positions(positions, leading, length):
    view = window(length, positions, leading)
    assert 1 <= view.count(length) <= positions
    assert view.start + view.count(length) - view.leading == length


def test_a_model_with_missing_weights_is_refused(gpt2, tmp_path):
    shutil.copytree(gpt2, tmp_path / "model")
    tensors = load_file(gpt2 / "model.safetensors")
    del tensors["transformer.ln_f.bias"]
    save_file(tensors, tmp_path / "model" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(GenError, match=r"lacks transformer\.ln_f\.bias"):
        transformers_lm.load(tmp_path / "model", name="tiny")


def test_a_model_that_sees_what_comes_next_is_refused(tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    size = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    BertForMaskedLM(BertConfig(vocab_size=20, **size)).save_pretrained(tmp_path / "model")
    with pytest.raises(GenError, match="sees what comes next, which it is to guess; give a causal"):
        transformers_lm.load(tmp_path / "model", name="tiny")


def test_code_beside_a_checkpoint_is_never_run(gpt2, tmp_path):
    shutil.copytree(gpt2, tmp_path / "model")
    config = json.loads((gpt2 / "config.json").read_text())
    config |= {"model_type": "mine", "auto_map": {"AutoConfig": "code.C", "AutoModelForCausalLM": "code.M"}}
    write_json(tmp_path / "model" / "config.json", config)
    (tmp_path / "model" / "code.py").write_text("open('ran', 'w')")
    with pytest.raises(GenError, match="cannot be loaded"):
        transformers_lm.load(tmp_path / "model", name="tiny")
    assert not list(tmp_path.rglob("ran"))


# ------------------------------------------------------------------------------------------------ the tiny model


def test_the_table_model_gives_its_table_and_hashes_the_rest():
    model = table_model("", "a", "b", "ab", table={(1,): [0, 1, 2, 3], (2, 1): [4, 5, 6, 7]})
    assert model.tokenizer.encode("aabb").tokens == (0, 1, 3, 2)
    found = model.feed(model.open(2), [-1, -1], [0, 0], [[2, 1], [2, 2]], [2, 1])
    assert found[1].tolist() == [4, 5, 6, 7]
    assert torch.equal(found[2], model.logits([1, 2, 2]))
    assert model.logits([3, 1]).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("data", [bytes(range(256)), "[UNK]\n月\n".encode("utf-16"), "[UNK]\n月\n".encode("gb18030")])
def test_a_vocabulary_that_is_no_utf_8_is_told(tmp_path, data):
    (tmp_path / "vocab.txt").write_bytes(data)
    with pytest.raises(GenError, match=r"vocab.txt is not UTF-8; give the vocabulary"):
        load_tokenizer(tmp_path)
