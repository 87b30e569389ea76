"""Tokenizers of model folders: from texts to aligned prompts, and the bytes that each token prints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GenError, quoted
from ..system.bounds import VOCABULARY, read_whole
from ..text.char_sets import is_han
from ..text.spellings import spelt
from ..text.vocabulary import Vocabulary
from ..types import Prompt
from .checkpoint import read_json
from .encoding import encoded, without_first_space
from .kept_vocabularies import LARGE, Printed, kept_vocabulary
from .printing import flattened, print_tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

SPECIAL_NAMES = frozenset(
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<|endoftext|>", "<s>", "</s>", "<unk>", "<pad>", "<mask>"]
)


@dataclass(frozen=True, eq=False)
class FolderTokenizer:
    """Encodes texts as the folder's tokenizer does, keeping the leading special token and dropping the trailing one.

    `source` makes the tokenizer of the library when it is first needed. `start` are the tokens read if an empty prompt
    would leave the model nothing to read. `empty` are those of an empty prompt, if they are known without the library.
    """

    source: Callable[[], Backend]
    vocabulary: Vocabulary
    start: tuple[int, ...]
    empty: tuple[int, ...] | None = None

    @cached_property
    def backend(self) -> Backend:
        """The tokenizer of the library `tokenizers`. Reading a large one takes a second."""
        return self.source()

    def encode(self, text: str, *, special: bool = False, begins: bool = True) -> Prompt:
        """The prompt of `text`: its tokens, and which characters each one reads. Raises GenError on lone surrogates.

        A Chinese character that the model lacks is read in another spelling that it knows, if any (东 for 東).
        Special tokens that are typed stay characters, unless `special`. Then they keep their spans, a leading one is
        not read twice, and a trailing one is not dropped. Where a word ends with a mark that prints a space (`</w>`),
        the prompt's text ends with that space, too. A text that `begins` nothing stands behind another one: it gets no
        special token before it, and no space that the tokenizer adds before a first word.
        """
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise GenError(f"Character {error.start + 1} of the prompt is half a surrogate pair; remove it.") from error
        prompt = self._read(text, special, begins)
        if not any(map(is_han, prompt.unknown)):
            return prompt
        spelling = spelt(text, frozenset(prompt.unknown), self.vocabulary.carriers)
        if spelling == text:
            return prompt
        found = self._read(spelling, special, begins)
        return replace(found, text=text + found.text[len(text) :], spelt=found.text)

    def _read(self, text: str, special: bool, begins: bool) -> Prompt:
        if not text and begins and self.empty is not None:
            return Prompt(text, self.empty, ((0, 0),) * len(self.empty), ())
        read = encoded(self.backend if begins else self.inner, text, special=special, framed=begins)
        tokens, spans, added = list(read.ids), list(read.offsets), list(read.special_tokens_mask)
        while tokens and added[-1] and len(tokens) > 1:
            tokens, spans, added = tokens[:-1], spans[:-1], added[:-1]
        if added[:2] == [1, 0] and tokens[0] == tokens[1] and special:
            tokens, spans, added = tokens[1:], spans[1:], added[1:]
        spans = [(0, 0) if mark else span for span, mark in zip(spans, added, strict=True)]
        tokens, spans = self._known(tokens, spans)
        if begins and not tokens:
            tokens, spans = list(self.start), [(0, 0)] * len(self.start)
        unk = self.vocabulary.unk
        lost = [text[a:b] for token, (a, b) in zip(tokens, spans, strict=True) if token == unk and b > a]
        if special and unk is not None:
            lost = [piece for piece in lost if piece != self.vocabulary.names[unk]]  # typed, so not lost
        unknown = tuple(dict.fromkeys(char for piece in lost for char in piece))
        if tokens and text and not text[-1].isspace() and self.vocabulary.surfaces[tokens[-1]].endswith(b" "):
            text, spans[-1] = f"{text} ", (spans[-1][0], len(text) + 1)
        return Prompt(text, tuple(tokens), tuple(spans), unknown)

    def _known(self, tokens: list[int], spans: list[tuple[int, int]]) -> tuple[list[int], list[tuple[int, int]]]:
        """The same with the unknown token in place of those that the model has no column for.

        Marks among these that nobody typed are left out. Raises GenError where there is no unknown token.
        """
        size, unk = len(self.vocabulary), self.vocabulary.unk
        if max(tokens, default=0) < size:
            return tokens, spans
        pairs = [(token, span) for token, span in zip(tokens, spans, strict=True) if token < size or span[1] > span[0]]
        beyond = next((token for token, _ in pairs if token >= size), None)
        if beyond is not None and unk is None:
            name = quoted(self.backend.id_to_token(beyond))
            raise GenError(f"The prompt holds {name}, for which the model has no row; write the prompt without it.")
        return [unk if token >= size and unk is not None else token for token, _ in pairs], [span for _, span in pairs]

    @cached_property
    def inner(self) -> Backend:
        """The tokenizer of texts that stand behind others."""
        return without_first_space(self.backend)


def load_tokenizer(folder: Path, columns: int | None = None) -> FolderTokenizer:
    """The tokenizer of a model folder, for a model of `columns` logits. Raises GenError where there is none.

    It is read from `tokenizer.json`, else from a BERT `vocab.txt`, else by transformers.
    """
    config = read_json(folder / "config.json")
    settings = read_json(folder / "tokenizer_config.json")
    configs = [config, read_json(folder / "generation_config.json")]
    columns = columns if columns is not None else config.get("vocab_size")
    if (file := folder / "tokenizer.json").is_file():
        return _from_file(file, settings, configs, columns)
    if (folder / "vocab.txt").is_file() and not (folder / "merges.txt").is_file():
        try:
            backend = _bert_backend(folder / "vocab.txt", settings)
        except UnicodeDecodeError:
            vocab = f"{folder}/vocab.txt"
            raise GenError(f"{vocab} is not UTF-8; give the vocabulary that the model was trained with.") from None
    else:
        backend, settings = _transformers_backend(str(folder))
    return make_tokenizer(backend, settings, configs, columns)


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


def make_tokenizer(
    backend: Backend, settings: Mapping[str, Any], configs: Sequence[Mapping[str, Any]], columns: int | None
) -> FolderTokenizer:
    """A tokenizer around one of the library `tokenizers`, for a model of `columns` logits.

    All ends count that the `configs` and the tokenizer's `settings` name; the last config's first stands for them. The
    last config that names a beginning wins. Tokens beyond the columns are struck.
    """
    spec = _spec(backend)
    ids = _ids(backend, spec, columns)
    names = _names(ids, columns)
    specials = _specials(spec, settings, ids)
    surfaces = _surfaces(spec, ids, specials, len(names))
    unk = _unknown(spec, settings, ids)
    ends = _ends(settings, configs, ids, len(names))
    end = ends[0] if ends else None
    vocabulary = Vocabulary(
        surfaces=tuple(surfaces),
        names=tuple(names),
        specials=frozenset(specials),
        unk=unk,
        end=end,
        unused=frozenset(_twins(backend, spec, names)) | frozenset(range(len(names))).difference(ids.values()),
        ends=tuple(ends[1:]),
    )
    first = next(reversed(_configured("bos_token_id", configs, len(names))), [None])[0]
    first = first if first is not None else _token(settings.get("bos_token"), ids)
    first = first if first is not None else end
    return FolderTokenizer(lambda: backend, vocabulary, () if first is None else (first,))


# ---------------------------------------------------------------------------------------------------- reading


def _from_file(
    path: Path, settings: Mapping[str, Any], configs: Sequence[Mapping[str, Any]], columns: int | None
) -> FolderTokenizer:
    """The tokenizer in a `tokenizer.json`. A large one whose vocabulary is kept is parsed only when it reads a text."""
    data = _read_bytes(path)
    if len(data) < LARGE:
        return make_tokenizer(_parsed(data, path), settings, configs, columns)
    made: list[FolderTokenizer] = []

    def make() -> Printed:
        made.append(make_tokenizer(_parsed(data, path), settings, configs, columns))
        return Printed(made[0].vocabulary, made[0].start, made[0].encode("").tokens)

    found = kept_vocabulary(data, [settings, configs, columns], make)
    source = (lambda: made[0].backend) if made else partial(_parsed, data, path)
    return FolderTokenizer(source, found.vocabulary, found.start, found.empty)


def _read_backend(path: Path) -> Backend:
    return _parsed(_read_bytes(path), path)


def _read_bytes(path: Path) -> bytes:
    try:
        return read_whole(path, VOCABULARY)  # since the library's own file reader decodes paths by the locale
    except OSError as error:
        raise _damaged(path, error) from error


def _parsed(data: bytes, path: Path) -> Backend:
    from tokenizers import Tokenizer

    try:
        backend = Tokenizer.from_buffer(data)
    except ValueError as error:
        raise _damaged(path, error) from error
    backend.no_truncation()
    backend.no_padding()
    return backend


def _damaged(path: Path, error: Exception) -> GenError:
    return GenError(f"{path} is damaged or of a newer kind ({error}); fetch it again.")


def _bert_backend(path: Path, settings: Mapping[str, Any]) -> Backend:
    """What `BertTokenizer(path)` builds, without transformers."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    lines = read_whole(path, VOCABULARY).decode("utf-8-sig").split("\n")
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


def _spec(backend: Backend) -> dict[str, Any]:
    """What its `tokenizer.json` says, but for the pieces of its model, which are many."""
    model = backend.model
    if type(model).__name__ == "Unigram":  # which tells its unknown token nowhere else
        return dict(json.loads(backend.to_str()))
    own = {key: getattr(model, key, None) for key in ("unk_token", "continuing_subword_prefix")}
    added = backend.get_added_tokens_decoder().items()
    parts = {"pre_tokenizer": backend.pre_tokenizer, "decoder": backend.decoder}
    return {
        "model": {"type": type(model).__name__, **own},
        "added_tokens": [{"id": i, "content": token.content, "special": token.special} for i, token in added],
        **{name: None if part is None else json.loads(part.__getstate__()) for name, part in parts.items()},
    }


def _ids(backend: Backend, spec: Mapping[str, Any], columns: int | None) -> dict[str, int]:
    """The id of each token, by its spelling. Tokens beyond the model's columns are struck."""
    added = {item["id"]: item["content"] for item in spec["added_tokens"]}
    found = backend.get_vocab(with_added_tokens=True)
    limit = len(found) + max(found.values(), default=0) + 1 if columns is None else columns
    # Where an added token has the id of one of the model's own, its spelling counts.
    return {name: i for name, i in found.items() if i < limit and added.get(i, name) == name}


def _names(ids: Mapping[str, int], columns: int | None) -> list[str]:
    """The spelling of each token, one per logit column. Gaps and padding get names of their own."""
    names = [f"[column {i}]" for i in range(max(ids.values(), default=-1) + 1 if columns is None else columns)]
    for name, i in ids.items():
        names[i] = name
    return names


def _specials(spec: Mapping[str, Any], settings: Mapping[str, Any], ids: Mapping[str, int]) -> set[int]:
    """The tokens that print nothing because they are special."""
    kinds = ("bos", "eos", "unk", "sep", "pad", "cls", "mask")
    named = [settings.get(f"{kind}_token") for kind in kinds]
    for several in ("additional_special_tokens", "extra_special_tokens"):
        more = settings.get(several)
        named += more.values() if isinstance(more, Mapping) else more if isinstance(more, list) else []
    named += [item["content"] for item in spec["added_tokens"] if item["special"]]
    found = {token for token in (_token(each, ids) for each in named) if token is not None}
    unknown = _unknown(spec, settings, ids)
    found |= set() if unknown is None else {unknown}
    if spec["model"].get("type") in ("WordPiece", "WordLevel"):  # whose files need not mark them
        found |= {i for name, i in ids.items() if name in SPECIAL_NAMES or _is_unused_name(name)}
    return found


def _is_unused_name(name: str) -> bool:
    return name.startswith("[unused") and name.endswith("]")


def _surfaces(spec: Mapping[str, Any], ids: Mapping[str, int], specials: set[int], size: int) -> list[bytes]:
    """The bytes that each token prints. Columns without a token print nothing, nor do special ones."""
    found = [b""] * size
    for i, piece in zip(ids.values(), print_tokens(spec.get("decoder"), list(ids)), strict=True):
        found[i] = piece
    for i in specials:
        found[i] = b""
    return found


def _unknown(spec: Mapping[str, Any], settings: Mapping[str, Any], ids: Mapping[str, int]) -> int | None:
    model = spec["model"]
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"]) if int(model["unk_id"]) in ids.values() else None
    if model.get("unk_token") is not None:
        return ids.get(model["unk_token"])
    # Byte-level tokenizers have no unknown characters, even if their settings name a token for them.
    if "ByteLevel" in [part["type"] for kind in ("pre_tokenizer", "decoder") for part in flattened(spec.get(kind))]:
        return None
    return _token(settings.get("unk_token"), ids)


def _token(named: Any, ids: Mapping[str, int]) -> int | None:
    """The id of a token that a settings file names, as a string or as an object with `content`."""
    content = named.get("content") if isinstance(named, Mapping) else named
    return ids.get(content) if isinstance(content, str) else None


def _configured(key: str, configs: Sequence[Mapping[str, Any]], size: int) -> list[list[int]]:
    """The valid ids that each config gives for `key`, one or several, without those configs that give none."""
    given = [config.get(key) for config in configs]
    listed = [each if isinstance(each, list) else [each] for each in given]
    valid = [[i for i in each if isinstance(i, int) and 0 <= i < size] for each in listed]
    return [each for each in valid if each]


def _ends(
    settings: Mapping[str, Any], configs: Sequence[Mapping[str, Any]], ids: Mapping[str, int], size: int
) -> list[int]:
    """All tokens that end a text, by the configs (the later first) and by the tokenizer's settings."""
    found = [i for each in reversed(_configured("eos_token_id", configs, size)) for i in each]
    found += [i for i in [_token(settings.get("eos_token"), ids)] if i is not None]
    found += [i for i in [ids.get("[SEP]")] if i is not None and not found]
    return list(dict.fromkeys(found))


def _twins(backend: Backend, spec: Mapping[str, Any], names: Sequence[str]) -> Iterable[int]:
    """`##x` twins of single Han tokens, unless this tokenizer itself produces them between Han characters; and `##`,
    which prints nothing.
    """
    if spec["model"].get("type") != "WordPiece":
        return
    prefix = str(spec["model"].get("continuing_subword_prefix") or "##")
    known = set(names)
    yield from (i for i, name in enumerate(names) if name == prefix)
    twins = {
        name: i
        for i, name in enumerate(names)
        if name.startswith(prefix) and len(name) == len(prefix) + 1 and is_han(name[-1]) and name[-1] in known
    }
    probe = "".join(name[-1] for name in list(twins)[:16]) * 2
    if not set(backend.encode(probe, add_special_tokens=False).tokens) & set(twins):
        yield from twins.values()
