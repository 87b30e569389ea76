"""The plugin of `at_most/`, unchanged, on a byte-level BPE model: what it counts are characters, not tokens."""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import gen_engine as gen

sys.path.insert(0, str(Path(__file__).parent / "at_most"))
from gen_at_most import AtMost

TEXT = "To be, or not to be, that is the question: whether 'tis nobler in the mind to suffer 春江花月夜\n"


def save_random_model(folder: Path) -> None:
    """A GPT-2 with random weights and a byte-level BPE vocabulary, as transformers would save it."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator([TEXT] * 8, vocab_size=320, special_tokens=["<|endoftext|>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, eos_token="<|endoftext|>")
    torch.manual_seed(1)
    sizes = {"n_layer": 2, "n_embd": 64, "n_head": 2, "n_positions": 128}
    config = GPT2Config(vocab_size=len(tokenizer), bos_token_id=0, eos_token_id=0, **sizes)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


with tempfile.TemporaryDirectory() as name:
    save_random_model(Path(name))
    engine = gen.load(name)
    for c in engine.generate("To be", processors=[AtMost(2), "length=24"], num=2, seed=3, max_new=60):
        print(repr(c.new))
        assert len(c.new) == 24
        assert all(times <= 2 for char, times in Counter(c.new).items() if char.isalpha())
