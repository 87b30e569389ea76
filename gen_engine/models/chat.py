"""Chat templates: how a chat model's own template writes a chat, and the tokens of that.

The template is a program in jinja that comes with the model. transformers runs it in a sandbox.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import GenError, brief, quoted
from ..system.bounds import read_settings
from ..text.chats import Chat
from ..text.vocabulary import in_a_row
from . import hub
from .checkpoint import read_json
from .encoding import encoded
from .tokenizer import FolderTokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Backend

FILE, SETTINGS, TOKENS = "chat_template.jinja", "tokenizer_config.json", "special_tokens_map.json"
"""Where a model folder has its template, where older ones have it, and where these may name their special tokens."""

DEFAULT = "default"
"""The one of several templates that writes plain chats."""

MISTAKES = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError, ImportError)
"""What a template may raise besides jinja's own errors. The import fails where jinja2 is too old for a sandbox."""

FENCES = "\ufdd0\ufdd1"
"""Two characters that no text has (noncharacters of Unicode). They fence off special tokens that a user typed."""

FENCED = re.compile(f"{FENCES[0]}([^{FENCES}]*){FENCES[1]}|[{FENCES}]")


@dataclass(frozen=True)
class Template:
    """A chat template in jinja. `names` has the special tokens that it may write, such as bos_token. `where` is the
    model that it belongs to.
    """

    text: str
    names: Mapping[str, str]
    where: str

    def render(self, chat: Chat) -> str:
        """The chat as the model reads it before its answer.

        Raises GenError if the template refuses the chat, as some do that know no system texts, or cannot be run.
        """
        from jinja2 import TemplateError
        from transformers.utils.chat_template_utils import render_jinja_template

        turns = [{"role": role, "content": text} for role, text in chat.turns]
        wishes = {**self.names, "chat_template": self.text, "add_generation_prompt": True}
        try:
            [text], _ = render_jinja_template([turns], **wishes)
        except (TemplateError, *MISTAKES) as problem:
            remedy = "leave out the system text, or " if "system" in dict(chat.turns) else ""
            remedy = "let user and assistant speak in turn, or " if chat.earlier and not remedy else remedy
            raise GenError(
                f"The chat template of {brief(self.where)} does not write this chat ({brief(str(problem), 200)}); "
                f"{remedy}write what the model reads yourself, as a context."
            ) from problem
        return str(text)


def read_template(folder: Path) -> Template | None:
    """The chat template of a model folder, None if it has none. Raises GenError if its file is damaged."""
    settings = read_json(folder / SETTINGS)
    if (folder / FILE).is_file():
        try:
            found: Any = read_settings(folder / FILE)
        except (OSError, ValueError) as error:
            raise GenError(f"{folder / FILE} cannot be read ({error}); fetch it again.") from error
    else:
        found = settings.get("chat_template")
    return _template(found, {**read_json(folder / TOKENS), **settings}, str(folder))


def hub_template(name: str) -> Template | None:
    """The chat template of a model that was loaded by its hub name, None if it has none."""
    from transformers import AutoTokenizer

    try:
        with hub.not_waiting_for_hub(name):
            found = AutoTokenizer.from_pretrained(name, trust_remote_code=False)
    except (OSError, ValueError, KeyError, ImportError):
        return None
    return _template(found.chat_template, found.special_tokens_map, name)


def _template(found: Any, settings: Mapping[str, Any], where: str) -> Template | None:
    """The template among those `found`: one, a list of named ones, or several by name."""
    if isinstance(found, list):
        found = {each.get("name"): each.get("template") for each in found if isinstance(each, Mapping)}
    if isinstance(found, Mapping):
        found = found.get(DEFAULT)
    return Template(found, _spellings(settings), where) if isinstance(found, str) and found else None


def _spellings(settings: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that settings name, as they are spelt: strings, or objects with `content`."""
    more = settings.get("extra_special_tokens")
    named = {**settings, **(more if isinstance(more, Mapping) else {})}
    told = {key: each.get("content") if isinstance(each, Mapping) else each for key, each in named.items()}
    return {key: each for key, each in told.items() if key.endswith("_token") and isinstance(each, str)}


# ------------------------------------------------------------------------------------------------- its tokens


def write_chat(template: Template, chat: Chat, tokenizer: FolderTokenizer) -> str:
    """What the model reads of a chat, as text. Raises GenError as `Template.render` does."""
    return FENCED.sub(lambda found: found[1] or "", _fenced(template, chat, tokenizer.backend))


def encode_chat(template: Template, chat: Chat, tokenizer: FolderTokenizer) -> tuple[int, ...]:
    """The tokens of a chat as the model reads it, to the beginning of its answer.

    Special tokens that the user typed are characters, unless the chat is `special`. All others are what transformers
    gives (`apply_chat_template`). Raises GenError for an empty chat, and as `Template.render` does.
    """
    pieces = iter(FENCED.split(_fenced(template, chat, tokenizer.backend)))
    tokens = [*encoded(tokenizer.backend, next(pieces), special=True, framed=False).ids]
    for typed, written in zip(pieces, pieces, strict=True):
        tokens += _as_characters(tokenizer.inner, typed) if typed else ()
        tokens += _behind(tokenizer.backend, tokenizer.inner, written) if written else ()
    return tuple(tokens)


def _fenced(template: Template, chat: Chat, backend: Backend) -> str:
    """What the template writes, with fences around special tokens that the user typed, unless the chat is `special`.

    Added tokens that are not special, but stand in the template, are fenced off, too.
    """
    said = {"system": "the system text", "user": "what the user says", "assistant": "what the assistant says"}
    for role, text in chat.turns:
        if role not in said:
            raise GenError(f"A chat knows no role {quoted(role)}; write {in_a_row([*said])}.")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise GenError(
                f"Character {error.start + 1} of {said[role]} is half a surrogate pair; remove it."
            ) from error
    if not chat.user.strip():
        raise GenError("The chat is empty; write what the model is to answer, or leave it out.")
    chat = _mapped(chat, lambda text: text.translate(dict.fromkeys(map(ord, FENCES))))
    if not chat.special:
        added = backend.get_added_tokens_decoder().values()
        marks = {each.content for each in added if each.special or each.content in template.text}
        typed = [mark for mark in marks if mark.strip() and any(mark in text for _, text in chat.turns)]
        if typed:
            either = re.compile("|".join(map(re.escape, sorted(typed, key=len, reverse=True))))
            chat = _mapped(chat, lambda text: either.sub(f"{FENCES[0]}\\g<0>{FENCES[1]}", text))
    return template.render(chat)


def _mapped(chat: Chat, change: Callable[[str], str]) -> Chat:
    """The chat with all of its texts changed."""
    earlier = tuple((role, change(text)) for role, text in chat.earlier)
    return replace(chat, user=change(chat.user), system=change(chat.system), earlier=earlier)


def _as_characters(inner: Backend, typed: str) -> Iterator[int]:
    """The tokens of the spelling of a token, none of which is that token: of all of it, else of its characters."""
    own = inner.token_to_id(typed)
    found = encoded(inner, typed, special=False, framed=False).ids
    parts: Iterable[str] = typed if own in found else (typed,)
    for part in parts:
        yield from encoded(inner, part, special=False, framed=False).ids


def _behind(backend: Backend, inner: Backend, text: str) -> list[int]:
    """The tokens of a piece of a chat that is not its beginning. The tokenizer's own space stands only behind tokens
    where it would stand in the whole.
    """
    found = encoded(backend, text, special=True, framed=False)
    if inner is backend:
        return list(found.ids)
    added = backend.get_added_tokens_decoder()
    first = next((place for place, token in enumerate(found.ids) if token in added), len(found.ids))
    cut = found.offsets[first][0] if first < len(found.ids) else len(text)
    return [*encoded(inner, text[:cut], special=True, framed=False).ids, *found.ids[first:]]
