"""Tiny chat models with random weights: folders with templates and tokenizers as the common families have them."""

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for message in messages %}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
WITHOUT_SYSTEM = (
    "{{ bos_token }}"
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{{ '<start_of_turn>' + message['role'] + '\n' + message['content'] | trim "
    "+ '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
PLAIN = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] + eos_token + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
POEM = "{% for message in messages %}{{ '[问]' + message['content'] }}{% endfor %}{{ '[答]' }}"

CORPUS = [
    "What is the capital of France? It is Paris.",
    "user system assistant model",
    "写一首诗",
    "Be brief.\n\n  im_end",
]
HAN = "秋夜思乡月明山水风花天地人心云雨江流长青白日年春东西南北中红楼梦上下来去不有无是"


def folder_of(kind, folder):
    """The folder of a chat model of one of `KINDS`."""
    backend, template, tokens = KINDS[kind]()
    PreTrainedTokenizerFast(tokenizer_object=backend, chat_template=template, **tokens).save_pretrained(folder)
    ids = backend.get_vocab(with_added_tokens=True)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(ids), hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.5,
        bos_token_id=ids.get(tokens.get("bos_token")), eos_token_id=ids[tokens["eos_token"]], pad_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def byte_level(*special, bos=None):
    """A tokenizer like that of Llama 3, Qwen or SmolLM."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return begun_by(backend, bos)


def pieces(*special, bos, normalizer=None, pre_tokenizer=None):
    """A tokenizer of sentencepiece, with ▁ for spaces and bytes for unknown characters."""
    backend = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    backend.normalizer = normalizer
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    octets = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<unk>", *special, *octets], initial_alphabet=["▁"], show_progress=False
    )
    backend.train_from_iterator(CORPUS, trainer)
    return begun_by(backend, bos)


def begun_by(backend, bos):
    if bos is not None:
        ends = [(bos, backend.token_to_id(bos))]
        backend.post_processor = processors.TemplateProcessing(single=f"{bos} $A", special_tokens=ends)
    return backend


def chatml():
    return byte_level("<|im_start|>", "<|im_end|>"), CHATML, {"eos_token": "<|im_end|>"}


def headers():
    special = ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
    tokens = {"bos_token": special[0], "eos_token": special[-1]}
    return byte_level(*special, bos=special[0]), HEADERS, tokens


def without_system():
    special = ("<bos>", "<start_of_turn>", "<end_of_turn>")
    backend = pieces(*special, bos="<bos>", normalizer=normalizers.Replace(" ", "▁"))
    return backend, WITHOUT_SYSTEM, {"bos_token": "<bos>", "eos_token": "<end_of_turn>"}


def first_space():
    pre = pre_tokenizers.Metaspace(prepend_scheme="first")
    return pieces("<s>", "</s>", bos="<s>", pre_tokenizer=pre), PLAIN, {"bos_token": "<s>", "eos_token": "</s>"}


def every_space():
    both = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return pieces("<s>", "</s>", bos="<s>", normalizer=both), PLAIN, {"bos_token": "<s>", "eos_token": "</s>"}


def characters():
    """A model that writes verse: a token for each character, and two marks for the turns."""
    names = ["[UNK]", "[问]", "[答]", "[完]", *HAN, "，", "。"]
    backend = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, unk_token="[UNK]"))
    backend.add_special_tokens(names[:4])
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return backend, POEM, {"eos_token": "[完]", "unk_token": "[UNK]"}


KINDS = {
    "chatml": chatml,
    "headers": headers,
    "without system": without_system,
    "first space": first_space,
    "every space": every_space,
    "characters": characters,
}
