"""Texts as windows of token ids that fit a model's positions."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from functools import partial

import torch
from transformers import PreTrainedTokenizerBase

from gen_engine.system.underway import doing
from gen_gpt2.data_texts import CONTEXT_END, Longer
from gen_trainkit.loop import Batch
from gen_trainkit.losses import IGNORED
from gen_trainkit.portions import in_portions
from gen_trainkit.windows import Windows


@doing("tokenising")
def encode_windows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], positions: int, *, longer: Longer = "split"
) -> Windows:
    """Every text as one window; one longer than `positions` tokens is split into several, cut off, or dropped.

    A text ends in the end token. Each of its windows begins with the tokenizer's leading special token, if it adds one,
    and with the text's context, if it has one. So the model meets every window as it will meet a prompt. Windows do not
    overlap. A context is cut to half of the room, so that there is room for its text.
    """
    lead, tail = special_frame(tokenizer)
    encode = partial(tokenizer, add_special_tokens=False, return_attention_mask=False)
    ids = array("i")
    starts, given, dropped = [0], [], 0
    for portion in in_portions(texts):
        parts = [text.rpartition(CONTEXT_END) for text in portion]
        contexts = encode([context for context, _, _ in parts])["input_ids"]
        bodies = encode([body for _, _, body in parts])["input_ids"]
        for context, body in zip(contexts, bodies, strict=True):
            before = [*lead, *context[: (positions - len(lead)) // 2]]
            whole, room = [*body, *tail], positions - len(before)
            if longer == "drop" and len(whole) > room:
                dropped += 1
                continue
            for start in range(0, room if longer == "cut" else len(whole), room):
                ids.extend(before + whole[start : start + room])
                starts.append(len(ids))
                given.append(len(before))
    told = any(CONTEXT_END in text for text in texts)
    return Windows(torch.tensor(ids, dtype=torch.int32), starts, dropped, given if told else ())


def special_frame(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """(ids put before every text, ids put after it): what the tokenizer adds itself, and the end token at least."""
    framed = tokenizer("a")["input_ids"]
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    before = next((at for at in range(len(framed)) if framed[at : at + len(bare)] == bare), 0)
    after = framed[before + len(bare) :]
    if not after and tokenizer.eos_token_id is not None:
        after = [tokenizer.eos_token_id]
    return framed[:before], after


def collate_windows(windows: Windows, indices: Sequence[int], *, pad: int, unknown: int | None) -> Batch:
    """The windows padded on the right [rows, length], with next-token labels.

    The labels of padding, of unknown characters and of contexts are -100.

    No attention mask is needed: padding comes after the text, where causal attention never looks.
    """
    spans = [(windows.starts[index], windows.starts[index + 1]) for index in indices]
    given = [windows.given[index] for index in indices] if windows.given else [1] * len(spans)
    longest = max(end - start for start, end in spans) - 1  # the last token predicts nothing
    inputs = torch.full((len(spans), longest), pad, dtype=torch.long)
    labels = torch.full((len(spans), longest), IGNORED, dtype=torch.long)
    for row, (start, end) in enumerate(spans):
        inputs[row, : end - start - 1] = windows.ids[start : end - 1]
        first = max(given[row], 1)  # a model without a leading token predicts all tokens but the first
        labels[row, first - 1 : end - start - 1] = windows.ids[start + first : end]
    if unknown is not None:
        labels[labels == unknown] = IGNORED
    return Batch({"input_ids": inputs}, labels)
