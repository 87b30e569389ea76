"""The GPT that books build, made here by plain torch: converted, it answers as it did, as both kinds of model."""

import pytest
import torch
from click.testing import CliRunner
from gpt2_folders import gpt2_config, write_gpt2
from torch import nn
from transformers import GPT2ForSequenceClassification, GPT2LMHeadModel

from gen_engine.cli.commands.model_files import convert as command
from gen_engine.errors import GenError
from gen_engine.models.conversion import convert
from gen_gpt2.foreign import book_gpt
from gen_gpt2.model import load

SIZE, HEADS, WORDS, PLACES = 32, 2, 211, 64
IDS = torch.tensor([[2, 17, 99, 5, 140]])


class Norm(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.ones(SIZE)), nn.Parameter(torch.zeros(SIZE))

    def forward(self, x):
        spread = x.var(-1, unbiased=False, keepdim=True)
        return self.scale * (x - x.mean(-1, keepdim=True)) / (spread + 1e-5).sqrt() + self.shift


class Attention(nn.Module):
    def __init__(self, qkv_bias):
        super().__init__()
        self.W_query, self.W_key, self.W_value = (nn.Linear(SIZE, SIZE, bias=qkv_bias) for _ in range(3))
        self.out_proj = nn.Linear(SIZE, SIZE)
        self.register_buffer("mask", torch.triu(torch.ones(PLACES, PLACES), diagonal=1))

    def forward(self, x):
        rows, count, _ = x.shape
        linears = (self.W_query, self.W_key, self.W_value)
        query, key, value = (linear(x).view(rows, count, HEADS, -1).transpose(1, 2) for linear in linears)
        scores = (query @ key.transpose(2, 3)).masked_fill(self.mask[:count, :count].bool(), -torch.inf)
        shares = (scores / (SIZE // HEADS) ** 0.5).softmax(-1)
        return self.out_proj((shares @ value).transpose(1, 2).reshape(rows, count, SIZE))


class Gelu(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)))


class Forward(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(SIZE, 4 * SIZE), Gelu(), nn.Linear(4 * SIZE, SIZE))

    def forward(self, x):
        return self.layers(x)


class Block(nn.Module):
    def __init__(self, qkv_bias):
        super().__init__()
        self.att, self.ff, self.norm1, self.norm2 = Attention(qkv_bias), Forward(), Norm(), Norm()

    def forward(self, x):
        x = x + self.att(self.norm1(x))
        return x + self.ff(self.norm2(x))


class BookGPT(nn.Module):
    """A GPT as the book builds it: its names, its own norms, queries, keys and values apart."""

    def __init__(self, *, outputs=WORDS, bias=False, qkv_bias=False):
        super().__init__()
        torch.manual_seed(3)
        self.tok_emb, self.pos_emb = nn.Embedding(WORDS, SIZE), nn.Embedding(PLACES, SIZE)
        self.trf_blocks = nn.Sequential(*(Block(qkv_bias) for _ in range(2)))
        self.final_norm = Norm()
        self.out_head = nn.Linear(SIZE, outputs, bias=bias)
        with torch.no_grad():
            for weight in self.parameters():
                weight += 0.2 * torch.randn_like(weight)

    def forward(self, ids):
        x = self.tok_emb(ids) + self.pos_emb(torch.arange(ids.shape[1]))
        return self.out_head(self.final_norm(self.trf_blocks(x)))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_gpt2(tmp_path_factory.mktemp("base") / "gpt2", eos_token_id=3)


def converted(net, base, place, *, change=lambda tensors: tensors, **options):
    """The folder made of what `net` saves."""
    torch.save(change(net.state_dict()), place / "gpt.pth")
    convert(place / "gpt.pth", base, place / "out", recipe=book_gpt(**options))
    return place / "out"


@pytest.mark.parametrize("qkv_bias", [False, True])
@pytest.mark.parametrize("prefix", ["", "_orig_mod."])
@torch.inference_mode()
def test_a_language_model_keeps_its_logits_in_transformers_and_runner(base, tmp_path, qkv_bias, prefix):
    net = BookGPT(qkv_bias=qkv_bias)
    folder = converted(net, base, tmp_path, change=lambda found: {prefix + n: t for n, t in found.items()})
    model, info = GPT2LMHeadModel.from_pretrained(folder, output_loading_info=True)
    assert not any(info.values())
    assert torch.allclose(model.eval()(IDS).logits, net(IDS), atol=1e-4)
    runner = load(folder, name="book", dtype="float32")
    assert torch.allclose(runner.feed(runner.open(1), [-1], [0], [IDS[0].tolist()])[0], net(IDS)[0, -1], atol=1e-4)


@torch.inference_mode()
def test_a_head_that_is_the_embedding_again_is_tied(base, tmp_path):
    net = BookGPT()
    net.out_head.weight = net.tok_emb.weight
    model = GPT2LMHeadModel.from_pretrained(converted(net, base, tmp_path)).eval()
    assert model.lm_head.weight is model.transformer.wte.weight
    assert torch.allclose(model(IDS).logits, net(IDS), atol=1e-4)


@pytest.mark.parametrize("outputs", [1, 2, 7])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_a_classifier_gives_the_last_tokens_logits_its_bias_included(base, tmp_path, outputs, bias):
    net = BookGPT(outputs=outputs, bias=bias)
    model, info = GPT2ForSequenceClassification.from_pretrained(
        converted(net, base, tmp_path), output_loading_info=True
    )
    assert not any(info.values())
    for count in (1, 3, 5):
        assert torch.allclose(model.eval()(IDS[:, :count]).logits, net(IDS[:, :count])[:, -1], atol=1e-4)


@torch.inference_mode()
def test_a_classifier_of_filled_texts_reads_the_last_place(base, tmp_path):
    net = BookGPT(outputs=2, bias=True)
    model = GPT2ForSequenceClassification.from_pretrained(converted(net, base, tmp_path, padded=20)).eval()
    filled = torch.cat([IDS, torch.full((1, 15), 3)], 1)
    assert (model.config.fill_to, model.config.fill_token_id) == (20, 3)
    assert torch.allclose(model(filled).logits, net(filled)[:, -1], atol=1e-4)


def test_heads_are_the_bases_or_given(base, tmp_path):
    for heads, where in ((None, "base"), (4, "four")):
        (tmp_path / where).mkdir()
        folder = converted(BookGPT(), base, tmp_path / where, heads=heads)
        assert GPT2LMHeadModel.from_pretrained(folder).config.n_head == (heads or HEADS)
    other = write_gpt2(tmp_path / "other", size=48, heads=3)
    with pytest.raises(GenError, match="how many heads share a width of 32; give them, as in --recipe book_gpt=12"):
        converted(BookGPT(), other, tmp_path)


@pytest.mark.parametrize(
    "net, change, options, reason",
    [
        ({}, lambda t: {n: x for n, x in t.items() if "norm2" not in n}, {}, r"lacks trf_blocks\.\* \(4 tensors\)"),
        ({}, lambda t: t | {"lora.A": torch.ones(2)}, {}, r"unexpected lora\.A"),
        ({}, lambda t: {n.replace("blocks.1.", "blocks.2."): x for n, x in t.items()}, {}, "gap between its blocks"),
        ({}, lambda t: t, {"heads": 5}, "how many heads share a width of 32"),
        ({"bias": True}, lambda t: t, {}, "out_head has a bias"),
        ({"outputs": 2}, lambda t: t, {"labels": ("a",)}, "tells 2 labels apart"),
        ({"outputs": 2}, lambda t: t, {"padded": 65}, "no more than the GPT's 64 positions"),
        ({"outputs": 2, "bias": True}, lambda t: t | {"out_head.weight": torch.ones(2, SIZE)}, {}, "depend on one"),
    ],
)  # fmt: skip
def test_what_cannot_be_placed_is_refused(base, tmp_path, net, change, options, reason):
    with pytest.raises(GenError, match=reason):
        converted(BookGPT(**net), base, tmp_path, change=change, **options)
    assert not (tmp_path / "out").exists()


def test_the_command_says_what_was_taken_for_what(base, tmp_path):
    torch.save(BookGPT(outputs=2, bias=True).state_dict(), tmp_path / "gpt.pth")
    line = [str(tmp_path / "gpt.pth"), str(tmp_path / "out"), "--base", str(base)]
    done = CliRunner().invoke(command, [*line, "--recipe", "book_gpt,labels=ham|spam"])
    assert done.exit_code == 0, done.exception
    assert "A classifier: out_head has 2 rows. Labels: ham, spam." in done.output
    assert "add padded=N" in done.output


def test_sizes_are_those_of_the_tensors(base, tmp_path):
    config = GPT2LMHeadModel.from_pretrained(converted(BookGPT(), base, tmp_path)).config
    given = gpt2_config()
    assert all(getattr(config, name) == given[name] for name in ("n_layer", "n_embd", "n_positions", "vocab_size"))
