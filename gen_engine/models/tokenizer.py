"""Tokenizers of model folders: from texts to aligned prompts, and the bytes that each token prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import GenError
from ..system.bounds import VOCABULARY, read_whole
from ..text.spellings import spelt
from ..text.vocabulary import Vocabulary, is_han
from ..types import Prompt
from .checkpoint import read_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

SPECIAL_NAMES = frozenset(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<|endoftext|>", "<s>", "</s>", "<unk>", "<pad>", "<mask>"]
)

SPACES = "▁Ġ "
"""How a space is spelt at the beginning of a token."""


@dataclass(frozen=True, eq=False)
class FolderTokenizer:
    """Encodes texts as the folder's tokenizer does, keeping the leading special token and dropping the trailing one.

    `start` are the tokens read if an empty prompt would leave the model nothing to read.
    """

    backend: Backend
    vocabulary: Vocabulary
    start: tuple[int, ...]

    def encode(self, text: str, *, special: bool = False, begins: bool = True) -> Prompt:
        """The prompt of `text`: its tokens, and which characters each one reads. Raises GenError on lone surrogates.

        A Chinese character that the model lacks is read in another spelling that it knows, if any (东 for 東). Special
        tokens that are typed stay characters unless `special`. A text that `begins` nothing stands behind another one:
        it gets no special token before it, and no space that the tokenizer adds before a first word.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise GenError(f"Character {error.start + 1} of the prompt is half a surrogate pair; remove it.") from error
        prompt = self._read(text, special, begins)
        if not any(map(is_han, prompt.unknown)):
            return prompt
        spelling = spelt(text, frozenset(prompt.unknown), self.vocabulary.carriers)
        same = spelling == text
        return prompt if same else replace(self._read(spelling, special, begins), text=text, spelt=spelling)

    def _read(self, text: str, special: bool, begins: bool) -> Prompt:
        read = encoded(self.backend if begins else self.inner, text, special=special, framed=begins)
        tokens, spans, framing = list(read.ids), list(read.offsets), list(read.special_tokens_mask)
        while tokens and framing[-1] and len(tokens) > 1:
            tokens, spans, framing = tokens[:-1], spans[:-1], framing[:-1]
        spans = [(0, 0) if mark else span for span, mark in zip(spans, framing, strict=True)]
        if begins and not tokens:
            tokens, spans = list(self.start), [(0, 0)] * len(self.start)
        unk = self.vocabulary.unk
        lost = [text[a:b] for token, (a, b) in zip(tokens, spans, strict=True) if token == unk and b > a]
        unknown = tuple(dict.fromkeys(char for piece in lost for char in piece))
        return Prompt(text, tuple(tokens), tuple(spans), unknown)

    @cached_property
    def inner(self) -> Backend:
        """The tokenizer of texts that stand behind others."""
        return without_first_space(self.backend)


READING = Lock()
"""Held while a text is encoded, since whether special tokens are read is a setting of the tokenizer."""


def encoded(backend: Backend, text: str, *, special: bool, framed: bool) -> Any:
    """The encoding of `text`, between the special tokens that stand around a text if it is `framed`. Special tokens in
    it are read as such if `special`, else as characters.
    """
    with READING:
        backend.encode_special_tokens = not special
        try:
            return backend.encode(text, add_special_tokens=framed)
        finally:
            backend.encode_special_tokens = True


def without_first_space(backend: Backend) -> Backend:
    """The same tokenizer, which puts no space before the first word of a text: `backend` itself if it never does."""
    first = backend.encode("a", add_special_tokens=False).tokens[:1]
    if not first or first[0][0] not in SPACES:
        return backend
    from tokenizers import Tokenizer

    spec = json.loads(backend.to_str())
    for part in ("normalizer", "pre_tokenizer"):
        spec[part] = _unspaced(spec.get(part))
    found = Tokenizer.from_str(json.dumps(spec))
    found.encode_special_tokens = True
    return found


def _unspaced(part: Any) -> Any:
    """A normaliser or pre-tokeniser, and what is in it, without what adds a space before a text."""
    if part is None or part["type"] == "Prepend":
        return None
    if part["type"] in ("Metaspace", "ByteLevel"):
        return {**part, "add_prefix_space": False} | ({"prepend_scheme": "never"} if "prepend_scheme" in part else {})
    inner = next((key for key in ("normalizers", "pretokenizers") if key in part), None)
    return part if inner is None else {**part, inner: [each for each in map(_unspaced, part[inner]) if each]}


def load_tokenizer(folder: Path, columns: int | None = None) -> FolderTokenizer:
    """The tokenizer of a model folder, for a model of `columns` logits. Raises GenError where there is none.

    It is read from `tokenizer.json`, else from a BERT `vocab.txt`, else by transformers.
    """
    config = read_json(folder / "config.json")
    settings = read_json(folder / "tokenizer_config.json")
    if (folder / "tokenizer.json").is_file():
        backend = _read_backend(folder / "tokenizer.json")
    elif (folder / "vocab.txt").is_file() and not (folder / "merges.txt").is_file():
        try:
            backend = _bert_backend(folder / "vocab.txt", settings)
        except UnicodeDecodeError:
            vocab = f"{folder}/vocab.txt"
            raise GenError(f"{vocab} is not UTF-8; give the vocabulary that the model was trained with.") from None
    else:
        backend, settings = _transformers_backend(str(folder))
    columns = columns if columns is not None else config.get("vocab_size")
    return make_tokenizer(backend, settings, [config, read_json(folder / "generation_config.json")], columns)


def marks_of(folder: Path, size: int) -> dict[str, int]:
    """The ids of special tokens that the tokenizer of `folder` names, such as eos_token_id, in a vocabulary of
    `size`.
    """
    settings = read_json(folder / "tokenizer_config.json")
    if (folder / "tokenizer.json").is_file():
        ids = _read_backend(folder / "tokenizer.json").get_vocab(with_added_tokens=True)
    else:
        ids = read_json(folder / "vocab.json")
    found = {f"{kind}_token_id": _token(settings.get(f"{kind}_token"), ids) for kind in ("bos", "eos", "pad")}
    return {key: token for key, token in found.items() if token is not None and 0 <= token < size}


def load_hub_tokenizer(name: str, config: Mapping[str, Any], columns: int) -> FolderTokenizer:
    """The tokenizer of a hub name or folder, as transformers finds it."""
    backend, settings = _transformers_backend(name)
    return make_tokenizer(backend, settings, [config], columns)


def make_tokenizer(
    backend: Backend, settings: Mapping[str, Any], configs: Sequence[Mapping[str, Any]], columns: int | None
) -> FolderTokenizer:
    """A tokenizer around one of the library `tokenizers`. `configs` may name the end and the beginning; later ones
    win.
    """
    backend.encode_special_tokens = True  # "[SEP]" typed in a prompt is five characters, not the end of a text
    ids = backend.get_vocab(with_added_tokens=True)
    names = _names(ids, columns)
    spec = json.loads(backend.to_str())
    specials = _specials(spec, settings, ids)
    surfaces = _surfaces(spec, ids, specials, len(names))
    unk = _unknown(spec, settings, ids)
    end = _configured("eos_token_id", configs, len(names))
    end = end if end is not None else _token(settings.get("eos_token"), ids)
    end = end if end is not None else ids.get("[SEP]")
    vocabulary = Vocabulary(
        surfaces=tuple(surfaces),
        names=tuple(names),
        specials=frozenset(specials),
        unk=unk,
        end=end,
        unused=frozenset(_twins(backend, spec, names)) | frozenset(range(len(names))).difference(ids.values()),
    )
    first = _configured("bos_token_id", configs, len(names))
    first = first if first is not None else _token(settings.get("bos_token"), ids)
    first = first if first is not None else end
    return FolderTokenizer(backend, vocabulary, () if first is None else (first,))


# ---------------------------------------------------------------------------------------------------- reading


def _read_backend(path: Path) -> Backend:
    from tokenizers import Tokenizer

    try:
        # Read as bytes, since the library's own file reader decodes paths by the locale.
        backend = Tokenizer.from_buffer(read_whole(path, VOCABULARY))
    except (ValueError, OSError) as error:
        raise GenError(f"{path} is damaged or of a newer kind ({error}); fetch it again.") from error
    backend.no_truncation()
    backend.no_padding()
    return backend


def _bert_backend(path: Path, settings: Mapping[str, Any]) -> Backend:
    """What `BertTokenizer(path)` builds, without transformers."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    lines = read_whole(path, VOCABULARY).decode("utf-8").split("\n")
    vocab = {name.rstrip("\r"): i for i, name in enumerate(lines) if name or i < len(lines) - 1}
    needed = [name for name in ("[UNK]", "[CLS]", "[SEP]") if name not in vocab]
    if needed:
        raise GenError(f"{path} lacks {', '.join(needed)}, so it is no BERT vocabulary; add a tokenizer.json.")
    backend = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    backend.add_special_tokens([name for name in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]") if name in vocab])
    backend.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=settings.get("tokenize_chinese_chars", True),
        strip_accents=settings.get("strip_accents"),
        lowercase=settings.get("do_lower_case", True),
    )
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(prefix="##")
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])]
    )
    return backend


def _transformers_backend(name: str) -> tuple[Backend, dict[str, Any]]:
    from transformers import AutoTokenizer

    try:
        found = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise GenError(f"{name} has no tokenizer that can be read ({reason}); add its tokenizer.json.") from error
    backend = getattr(found, "backend_tokenizer", None)
    if backend is None:
        raise GenError(f"{name} has a tokenizer without a tokenizer.json; convert it to one with transformers.")
    backend.no_truncation()
    backend.no_padding()
    return backend, dict(found.special_tokens_map)


# --------------------------------------------------------------------------------------------- the vocabulary


def _names(ids: Mapping[str, int], columns: int | None) -> list[str]:
    """The spelling of each token, one per logit column. Gaps and padding get names of their own."""
    size = max(ids.values(), default=-1) + 1
    if columns is not None and size > columns:
        raise GenError(
            f"The tokenizer has {size} tokens, the model {columns}; give the tokenizer that the model was trained with."
        )
    names = [f"[column {i}]" for i in range(max(columns or 0, size))]
    for name, i in ids.items():
        names[i] = name
    return names


def _specials(spec: Mapping[str, Any], settings: Mapping[str, Any], ids: Mapping[str, int]) -> set[int]:
    """The tokens that print nothing because they are special."""
    found = {added["id"] for added in spec["added_tokens"] if added["special"]}
    named = (_token(settings.get(f"{kind}_token"), ids) for kind in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
    found |= {token for token in named if token is not None}
    return found | {i for name, i in ids.items() if name in SPECIAL_NAMES or _is_unused_name(name)}


def _is_unused_name(name: str) -> bool:
    return name.startswith("[unused") and name.endswith("]")


def _surfaces(spec: Mapping[str, Any], ids: Mapping[str, int], specials: set[int], size: int) -> list[bytes]:
    """The bytes that each token prints. Columns without a token print nothing."""
    spell = _speller(spec)
    printed = [b""] * size
    for name, i in ids.items():
        printed[i] = spell(name)
    for item in spec["added_tokens"]:
        printed[item["id"]] = item["content"].encode()
    for i in specials:
        printed[i] = b""
    return printed


def _speller(spec: Mapping[str, Any]) -> Callable[[str], bytes]:
    """A function from a token's spelling to its bytes, for this kind of tokenizer."""
    kinds = set(_kinds(spec.get("pre_tokenizer"))) | set(_kinds(spec.get("decoder")))
    if "ByteLevel" in kinds:
        table = _byte_table()
        return lambda name: _byte_level(name, table)
    if "Metaspace" in kinds or spec["model"].get("byte_fallback") or '"▁"' in json.dumps(spec, ensure_ascii=False):
        return _metaspace
    if spec["model"].get("type") == "WordPiece":
        prefix = str(spec["model"].get("continuing_subword_prefix") or "##")
        # The prefix alone is text. A longer token with the prefix continues a word.
        return lambda name: (name.removeprefix(prefix) if len(name) > len(prefix) else name).encode()
    return str.encode


def _kinds(part: Mapping[str, Any] | None) -> Iterable[str]:
    """The types of a tokenizer part and of the sequence in it."""
    if part is None:
        return
    yield part["type"]
    for inner in [*part.get("pretokenizers", ()), *part.get("decoders", ())]:
        yield from _kinds(inner)


def _byte_table() -> dict[str, int]:
    """The inverse of GPT-2's printable stand-ins for bytes (`bytes_to_unicode` in its encoder.py)."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + i): byte for i, byte in enumerate(rest)}


def _byte_level(name: str, table: Mapping[str, int]) -> bytes:
    try:
        return bytes([table[char] for char in name])
    except KeyError:
        return name.encode()  # an added token, spelt literally


def _metaspace(name: str) -> bytes:
    """SentencePiece: `▁` is a space, `<0x0A>` is a byte."""
    if len(name) == 6 and name.startswith("<0x") and name.endswith(">"):
        return bytes.fromhex(name[3:5])
    return name.replace("▁", " ").encode()


def _unknown(spec: Mapping[str, Any], settings: Mapping[str, Any], ids: Mapping[str, int]) -> int | None:
    model = spec["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    if model.get("unk_token") is not None:
        return ids.get(model["unk_token"])
    # Byte-level tokenizers have no unknown characters, even if their settings name a token for them.
    if "ByteLevel" in {*_kinds(spec.get("pre_tokenizer")), *_kinds(spec.get("decoder"))}:
        return None
    return _token(settings.get("unk_token"), ids)


def _token(named: Any, ids: Mapping[str, int]) -> int | None:
    """The id of a token that a settings file names, as a string or as an object with `content`."""
    content = named.get("content") if isinstance(named, Mapping) else named
    return ids.get(content) if isinstance(content, str) else None


def _configured(key: str, configs: Sequence[Mapping[str, Any]], size: int) -> int | None:
    """The last valid id that the configs give for `key`; of several ids, the first."""
    found = None
    for config in configs:
        value = config.get(key)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, int) and 0 <= value < size:
            found = value
    return found


def _twins(backend: Backend, spec: Mapping[str, Any], names: Sequence[str]) -> Iterable[int]:
    """`##x` twins of single Han tokens, unless this tokenizer itself produces them between Han characters."""
    if spec["model"].get("type") != "WordPiece":
        return
    prefix = str(spec["model"].get("continuing_subword_prefix") or "##")
    known = set(names)
    twins = {
        name: i
        for i, name in enumerate(names)
        if name.startswith(prefix) and len(name) == len(prefix) + 1 and is_han(name[-1]) and name[-1] in known
    }
    probe = "".join(name[-1] for name in list(twins)[:16]) * 2
    if not set(backend.encode(probe, add_special_tokens=False).tokens) & set(twins):
        yield from twins.values()
