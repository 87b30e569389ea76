"""A small random model written as a GGUF file, with a byte-level BPE and a chat template."""

from small_models import small_model
from tokenizers import pre_tokenizers

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "mlp.up_proj": "ffn_up", "mlp.gate_proj": "ffn_gate",
    "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "model.layers.": "blk.",
}  # fmt: skip
"""How GGUF calls the tensors of a Qwen2."""

MARKS = ["<|endoftext|>", "<|begin|>", "<|end|>"]
CHAT = "{% for message in messages %}{{ message['content'] }}<|end|>{% endfor %}"


def write_gguf(path, **changes):
    """Write a random Qwen2 to `path`; the model itself, its numbers rounded as bfloat16 has them."""
    import gguf

    tokens = [*MARKS, *sorted(pre_tokenizers.ByteLevel.alphabet()), "th", "the"]
    model = small_model("qwen2", vocab_size=len(tokens), initializer_range=0.3, **changes).bfloat16().float()
    config = model.config
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    write_tokenizer(writer, tokens)
    for name, tensor in model.state_dict().items():
        for theirs, ours in NAMES.items():
            name = name.replace(theirs, ours)
        writer.add_tensor(name, tensor.numpy())
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    return model


def write_tokenizer(writer, tokens):
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([3] * len(MARKS) + [1] * (len(tokens) - len(MARKS)))
    writer.add_token_merges(["t h", "th e"])
    writer.add_pad_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template(CHAT)
