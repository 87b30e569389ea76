"""What tests of nets that tutorials saved share: a BERT to start from, the conversion, and the comparison after it."""

import torch
from transformers import AutoModelForCausalLM, BertConfig, BertModel

from gen_engine.models.conversion import convert

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(chr(0x4E00 + i) for i in range(35))]
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
WINDOW = 6
TEXTS = [[7, 9, 12, 30, 14, 22], [5, 6, 5], [39]]


def write_base(folder):
    """A folder of a pretrained BERT that a tutorial starts from, with its words."""
    torch.manual_seed(0)
    config = BertConfig(vocab_size=len(WORDS), **SIZES, max_position_embeddings=12, initializer_range=0.3)
    BertModel(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return folder


def converted(net, base, place, recipe, change=lambda tensors: tensors, **options):
    """The folder that `recipe` makes of a net's state dict, after a `change` of it."""
    torch.save(change(net.state_dict()), place / "net.pt")
    convert(place / "net.pt", base, place / "out", recipe=recipe(**{"window": WINDOW} | options))
    return place / "out"


@torch.inference_mode()
def check_answers(net, folder, load, *, framed):
    """The net's logits are those of transformers and of the runner."""
    model, runner = AutoModelForCausalLM.from_pretrained(folder), load(folder, name="net", dtype="float32")
    for text in TEXTS:
        expected = net.eval()(torch.tensor([[2, *text, 3] if framed else text]))[0]
        assert torch.allclose(model.eval()(torch.tensor([text])).logits[0, 0], expected, atol=1e-4)
        assert torch.allclose(runner.feed(runner.open(1), [-1], [0], [[2, *text]])[0], expected, atol=1e-4)
