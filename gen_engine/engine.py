"""The engine: one model, and requests turned into generations that a scheduler runs."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import takewhile
from pathlib import Path
from typing import Any

from .blame import blaming, named_error
from .chain import Chain, Plan, is_constraint, make_chain
from .decoding.drafts import DRAFTS, ModelDraft, check_draft
from .decoding.generation import Draft, Generation, check_request
from .decoding.packing import check_room, rows_of, texts_at_once
from .decoding.scheduler import ROWS, Scheduler
from .decoding.tickets import Job
from .errors import GenError, brief, quoted
from .hooks.registry import registry
from .hooks.specs import build, build_decoder, build_draft
from .memory import Memory, remembered
from .models.chat import Template, encode_chat, hub_template, read_template, write_chat
from .models.notes import ModelNote, read_note
from .models.tokenizer import FolderTokenizer
from .patience import SECONDS, Patience
from .sources import open_model, weights_folders
from .text.chats import Chat
from .text.spellings import labelled, labels_of
from .types import Completion, Decoder, LanguageModel, Piece, Prompt, Request, Tokenizer

CHAINS = 64
"""How many chains an engine remembers; one of a regulated verse takes about 3 MB."""

DRAFTED = 4
"""How many drafts an engine remembers."""

TEXTS = 64
"""The most texts of a request that share one patience, and that one generation writes."""

QUEUE = 1024
"""The most requests that wait for a scheduler of requests."""

TOKENS = 65_536
"""The most tokens that a scheduler of requests keeps: as many as 64 rows of 1,024 hold."""


@dataclass(frozen=True, eq=False)
class Engine:
    """Generates texts with one model. It is made by `load`, or around any `LanguageModel`. `folder` is where it was
    found.
    """

    model: LanguageModel
    _chains: Memory[Any, tuple[Chain, tuple[Any, ...]]] = remembered(CHAINS, shared=True)
    folder: Path | None = None
    _alike: Memory[Any, tuple[Chain, tuple[Any, ...]]] = remembered(CHAINS, shared=True)
    _drafts: Memory[str, Draft] = remembered(DRAFTED, shared=True)

    @property
    def tokenizer(self) -> Tokenizer:
        return self.model.tokenizer

    @cached_property
    def note(self) -> ModelNote | None:
        """How to write a context for the model; None if its folder does not say. Raises GenError for a damaged note."""
        return None if self.folder is None else read_note(self.folder)

    @cached_property
    def template(self) -> Template | None:
        """The model's chat template, None if it has none. Raises GenError for a damaged one."""
        folder = self.folder or Path(self.model.name)
        return read_template(folder) if folder.is_dir() else hub_template(self.model.name)

    @cached_property
    def weights_hash(self) -> str:
        """The hash of the files that the model was loaded from, as they were when this was first asked; "" if none."""
        from .models.hashes import weights_hash

        return "" if self.folder is None else weights_hash(*weights_folders(os.fspath(self.folder)))

    def generate(
        self,
        prompt: str | Prompt,
        *,
        processors: Sequence[Any] = (),
        num: int = 1,
        seed: int | None = None,
        max_new: int = 256,
        decoder: str | Decoder = "sample",
        patience: float = SECONDS,
        context: str | Prompt | Chat = "",
        draft: str | Draft | None = None,
    ) -> list[Completion]:
        """`num` texts that continue `prompt` by at most `max_new` tokens under the processors, in the order given.

        The model reads the `context` before the prompt. It is no part of the text, and no rule judges it. A `Chat` is
        written by the model's own chat template, and the text is the answer.

        A processor is written as on the command line ("top_k=50"), or is an object: a constraint, a character machine,
        or a function of step and logits. So is a decoder ("beam,width=8"). Raises ConflictError before the first token
        if the constraints admit no text. Raises UndecidedError if that is undecided, or if searches take more than
        `patience` seconds in all (`Request` says what counts). Nothing else depends on that clock. A `draft` may save
        time and changes no text (`decoding/drafts.py`); GenError says what cannot use one.
        """
        return list(
            self.completions(
                prompt,
                processors=processors,
                num=num,
                seed=seed,
                max_new=max_new,
                decoder=decoder,
                patience=patience,
                context=context,
                draft=draft,
            )
        )

    def completions(
        self,
        prompt: str | Prompt,
        *,
        processors: Sequence[Any] = (),
        num: int = 1,
        seed: int | None = None,
        max_new: int = 256,
        decoder: str | Decoder = "sample",
        patience: float = SECONDS,
        context: str | Prompt | Chat = "",
        draws: int = 1,
        draft: str | Draft | None = None,
    ) -> Iterator[Completion]:
        """What `generate` returns, one by one: each as soon as it and those before it are done.

        The request is checked now. Texts are made on demand, so any `num` needs the same memory. A caller that takes
        one text of several says so in `draws`, which scales the patience (see `Request`).
        """
        request = Request(prompt, _listed(processors), num, seed, max_new, decoder, patience, context, draws, draft)
        found = self._completions([request])

        def in_order() -> Iterator[Completion]:
            early: dict[int, Completion] = {}
            wanted = 0
            for _, done in found:
                early[done.sample] = done
                while wanted in early:
                    yield early.pop(wanted)
                    wanted += 1

        return in_order()

    def stream(
        self,
        prompt: str | Prompt,
        *,
        processors: Sequence[Any] = (),
        seed: int | None = None,
        max_new: int = 256,
        decoder: str | Decoder = "sample",
        patience: float = SECONDS,
        context: str | Prompt | Chat = "",
        draft: str | Draft | None = None,
    ) -> Iterator[str]:
        """The new text of one completion, in pieces, each as soon as no later token can change it."""
        request = Request(prompt, _listed(processors), 1, seed, max_new, decoder, patience, context, draft=draft)
        return (piece.text for _, piece in self.pieces([request]) if piece.text)

    def generate_batch(self, requests: Sequence[Request]) -> list[list[Completion]]:
        """The completions of each request, the same as if it were alone."""
        requests = _all_of(requests)
        found: list[dict[int, Completion]] = [{} for _ in requests]
        for number, done in self._completions(requests):
            found[number][done.sample] = done
        return [[samples[i] for i in sorted(samples)] for samples in found]

    def pieces(self, requests: Sequence[Request]) -> Iterator[tuple[int, Piece]]:
        """Pieces as they are written: the request's number, and a piece of one of its samples.

        All requests are checked before the first token.
        """
        return self._run(requests, in_pieces=True)

    def _completions(self, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
        pieces = self._run(requests, in_pieces=False)
        return ((number, piece.completion) for number, piece in pieces if piece.completion is not None)

    def _run(self, requests: Sequence[Request], *, in_pieces: bool) -> Iterator[tuple[int, Piece]]:
        scheduler = Scheduler(self.model)
        checked = [self.jobs(each, in_pieces=in_pieces, texts=_share(scheduler.rows)) for each in _all_of(requests)]
        jobs = (_numbered(number, job) for number, some in enumerate(checked) for job in some)
        return _run_blaming(scheduler, jobs)

    def scheduler(
        self,
        *,
        rows: int = ROWS,
        tokens: int | None = TOKENS,
        queue: int | None = QUEUE,
        in_pieces: bool = True,
    ) -> Scheduler:
        """A scheduler to which a `Request` can be submitted, and from which it can be cancelled, at any time.

        Its steps return the ticket of each request with its pieces, or with whole texts (not `in_pieces`). `submit`
        checks a request, and raises what `generate` would. The texts equal those of `generate` to the last bit,
        whatever else is running.
        """

        def read(request: Request) -> Iterator[Job[Piece]]:
            return self.jobs(request, in_pieces=in_pieces, texts=_share(rows))

        return Scheduler(self.model, rows, tokens, queue, read, named_error)

    @blaming()
    def jobs(self, request: Request, *, in_pieces: bool = True, texts: int = TEXTS) -> Iterator[Job[Piece]]:
        """What a scheduler runs for a request, which is checked now.

        A request for more than `texts` texts gets several jobs, made one by one.
        """
        check_request(request)
        decoder = build_decoder(request.decoder, registry())
        if not callable(decoder):
            raise GenError(f"decoder={quoted(decoder)} is no decoder; give its name, or a function of a generation.")
        at_once = texts_at_once(decoder, request.num) or min(texts, TEXTS)
        patience = Patience(request.patience)
        with patience:
            chain = self.chain(request.processors)
        prompt = self.read(request.prompt, request.context)
        rows = rows_of(decoder)
        check_room(rows if hasattr(decoder, "rows") else 0, len(prompt.read))
        draft = self.draft(request.draft)
        check_draft(draft, decoder, str(request.decoder), self.model, chain)
        plan = chain.plan(prompt, request.max_new, patience)
        seed = secrets.randbelow(2**32) if request.seed is None else request.seed

        def job(part: Plan, samples: range) -> Job[Piece]:
            return decoder, lambda send: Generation(part, seed, samples, self.model, send, in_pieces, draft)

        def in_turn() -> Iterator[Job[Piece]]:
            seconds, fresh = request.patience * request.draws, partial(Patience, is_given_up=patience.is_given_up)
            part = plan if request.draws == 1 else replace(plan, patience=fresh(seconds, patience.spent))
            for first in range(0, request.num, at_once):
                if first and first % (TEXTS * request.draws) < at_once:  # TEXTS texts share one patience
                    part = replace(plan, patience=fresh(seconds))
                yield job(part, range(first, min(first + at_once, request.num)))

        return in_turn()

    def draft(self, draft: Any) -> Any:
        """The draft that `draft` means, such as "lookup" or "model=NAME,tokens=4"; one object for all requests."""
        if not isinstance(draft, str):
            return draft
        found = self._drafts.get(draft) or build_draft(draft, DRAFTS)
        if isinstance(found, ModelDraft) and found.model is None:
            device = str(getattr(self.model, "device", "cpu"))
            found = found.loaded(open_model(found.name, device=device).model, self.model)
        return self._drafts.put(draft, found)

    def read(self, prompt: str | Prompt, context: str | Prompt | Chat = "") -> Prompt:
        """What the model reads of a prompt, after a `context` that is no part of the text.

        A prompt or context of `tokenizer.encode(text, special=True)` has special tokens as they were typed. Raises
        GenError for a context of more than half of the tokens that the model reads at once, and for a chat that the
        model's template does not write.
        """
        if isinstance(context, Chat):
            tokenizer, template = self._chatting()
            prompt = prompt if isinstance(prompt, Prompt) else tokenizer.encode(prompt, begins=False)
            tokens, lead = encode_chat(template, context, tokenizer), 0
        else:
            prompt = prompt if isinstance(prompt, Prompt) else self.tokenizer.encode(prompt)
            told = context if isinstance(context, Prompt) else self.tokenizer.encode(context) if context else None
            if told is None or not told.text:
                return prompt
            tokens, lead = told.tokens[self._framing(told) :], self._framing(prompt)
            if context is told and tokens[:lead] == prompt.tokens[:lead]:
                lead = 0  # what begins every text was typed
        if not lead:
            framing = self._framing(prompt)
            prompt = replace(prompt, tokens=prompt.tokens[framing:], spans=prompt.spans[framing:])
        room = (self.model.positions or len(tokens) * 2 + 2 * lead) // 2 - lead
        if len(tokens) > room:
            raise GenError(
                f"The context has {len(tokens):,} tokens; before a text the model has room for {room:,}. Shorten it."
            )
        return replace(prompt, context=tokens, lead=lead)

    def encode(self, text: str, *, special: bool = False, begins: bool = True) -> Prompt:
        """A prompt or context, with special tokens read as such if `special`; `FolderTokenizer.encode` says more.

        Raises GenError if the model's tokenizer is of another kind.
        """
        if not isinstance(self.tokenizer, FolderTokenizer):
            raise GenError(f"The model {brief(self.model.name)} reads no special tokens; leave out what asks for them.")
        return self.tokenizer.encode(text, special=special, begins=begins)

    def context_text(self, context: str | Prompt | Chat) -> str:
        """A context as text, such as a chat as the model's template writes it. Raises GenError as `read` does."""
        if isinstance(context, Chat):
            tokenizer, template = self._chatting()
            return write_chat(template, context, tokenizer)
        return context.text if isinstance(context, Prompt) else context

    def _framing(self, prompt: Prompt) -> int:
        """How many special tokens a tokenizer put before a text."""
        specials = self.tokenizer.vocabulary.specials
        pairs = zip(prompt.tokens, prompt.spans, strict=True)
        return sum(1 for _ in takewhile(lambda pair: pair[0] in specials and pair[1][0] == pair[1][1], pairs))

    def _chatting(self) -> tuple[FolderTokenizer, Template]:
        """The tokenizer and the chat template. Raises GenError for a model without a template."""
        template = self.template if isinstance(self.tokenizer, FolderTokenizer) else None
        if template is None or not isinstance(self.tokenizer, FolderTokenizer):
            raise GenError(
                f"The model {brief(self.model.name)} has no chat template, so that it answers no chats; "
                "write what it is to read as a context (--context), or take a chat model."
            )
        return self.tokenizer, template

    @blaming()
    def chain(self, processors: Sequence[Any]) -> Chain:
        """The chain of these processors: one object for all requests that name the same ones."""
        key = tuple(map(_name_of, processors))
        known = self._chains.get(key)
        if known is None:
            labels, written = labels_of(processors, self.tokenizer.vocabulary)
            vocabulary = labelled(self.tokenizer.vocabulary, labels)
            named = [build(item, registry(), vocabulary) for item in written]
            pairs = zip(written, named, strict=True)
            hard = tuple(item for item, processor in pairs if is_constraint(processor.processor))
            constraints = tuple(map(_name_of, hard)), frozenset(labels.items())
            alike = self._alike.get(constraints)
            if alike is None:
                alike = self._alike.put(constraints, (replace(make_chain(vocabulary, named), labels=labels), hard))
            # The processors are kept beside the chain: an id is unique only while its object lives.
            known = self._chains.put(key, (make_chain(vocabulary, named, alike=alike[0]), tuple(processors)))
        return known[0]


def _listed(processors: Any) -> Any:
    """Processors as a tuple; what is no list of them stays as it is, to be refused with the request."""
    is_list = isinstance(processors, Iterable) and not isinstance(processors, str)
    return tuple(processors) if is_list else processors


def _all_of(requests: Any) -> list[Request]:
    if isinstance(requests, (str, Request)) or not isinstance(requests, Iterable):
        raise GenError(f"{quoted(requests)} is no list of requests; give a list of gen_engine.Request.")
    return list(requests)


def _name_of(processor: Any) -> Any:
    """The key of a processor: how it was written, or which object it is."""
    return processor if isinstance(processor, str) else id(processor)


def _run_blaming(scheduler: Scheduler, jobs: Iterable[Job[tuple[int, Piece]]]) -> Iterator[tuple[int, Piece]]:
    with blaming():
        yield from (piece for _, piece in scheduler.run(jobs))


def _share(rows: int) -> int:
    """How many texts of a request begin together: a part of a pass, so that others begin before all of them end."""
    return max(1, rows // 4)


def _numbered(number: int, job: Job[Piece]) -> Job[tuple[int, Piece]]:
    """A job that sends its pieces with the number of its request."""
    decoder, make_generation = job
    return decoder, lambda send: make_generation(lambda piece: send((number, piece)))


def load(
    name: str | os.PathLike[str],
    *,
    dtype: str = "auto",
    fast: bool = False,
    device: str = "auto",
    attention: str | None = None,
) -> Engine:
    """An engine around a model of `gen models`, a folder or GGUF file, or a hub name, looked up in this order.

    `dtype` is one of `DTYPES`; "auto" takes int8 where that costs little, else what this processor multiplies fast.
    `fast` gives up reproducibility where that makes steps faster. `device` is auto, cpu, cuda, cuda:N or mps; "auto" is
    the one that GEN_DEVICE names, else a GPU, but the CPU for models that it computes in int8. `attention` names an
    implementation of transformers, for models that it computes. Raises GenError if there is no such model, its files
    are damaged, or it is not computed in this dtype, on this device, or with this attention.
    """
    found = open_model(name, dtype=dtype, fast=fast, device=device, attention=attention)
    return Engine(found.model, folder=found.folder)
