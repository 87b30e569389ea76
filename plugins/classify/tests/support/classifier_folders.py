"""Tiny classifier folders with random weights, as transformers writes them."""

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    GPT2Config,
    GPT2ForSequenceClassification,
    PreTrainedTokenizerFast,
)

LETTERS = "好坏山水风花雪月春夏秋冬酒店差房间?"
BERT_MARKS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
SENTIMENTS = ("负向评价", "正向评价")


def bert_tokenizer(folder):
    """A BERT tokenizer of single characters."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join([*BERT_MARKS, *LETTERS]) + "\n", encoding="utf-8")
    return BertTokenizer(str(folder / "vocab.txt"))


def gpt2_tokenizer():
    """A tokenizer of single characters with an end and no padding."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    words = {word: index for index, word in enumerate(["<end>", "[UNK]", *LETTERS])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", unk_token="[UNK]")


def one_logit(threshold=0.5):
    """The settings of a model of one logit."""
    settings = {"threshold": threshold, "label_names": SENTIMENTS, "data_labels": ["0", "1"]}
    return {"labels": SENTIMENTS[1:], "problem_type": "multi_label_classification"} | settings


def named(labels):
    return {"id2label": dict(enumerate(labels)), "label2id": {label: i for i, label in enumerate(labels)}}


def bert(folder, *, labels=SENTIMENTS, seed=0, positions=32, **settings):
    """(model, tokenizer) of a BERT with weights large enough that texts differ."""
    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    vocab = len(BERT_MARKS) + len(LETTERS)
    config = BertConfig(
        vocab_size=vocab, **sizes, max_position_embeddings=positions, initializer_range=0.5, **named(labels), **settings
    )
    return BertForSequenceClassification(config).eval(), bert_tokenizer(folder)


def gpt2(folder, *, labels=SENTIMENTS, seed=0, positions=32, **settings):
    """(model, tokenizer) of a GPT-2 with weights large enough that texts differ."""
    torch.manual_seed(seed)
    sizes = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": positions}
    tokenizer = gpt2_tokenizer()
    config = GPT2Config(vocab_size=len(tokenizer), **sizes, initializer_range=0.5, **named(labels), **settings)
    return GPT2ForSequenceClassification(config).eval(), tokenizer


MAKERS = {"bert": bert, "gpt2": gpt2}


def write(folder, kind="bert", **settings):
    """The folder of such a classifier."""
    model, tokenizer = MAKERS[kind](folder, **settings)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
