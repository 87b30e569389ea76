"""The options that every generating command shares, and what the user chose with them."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ..errors import GenError, quoted
from ..hooks.registry import registry
from ..hooks.specs import parse_spec
from ..models.device import DEVICES_HELP, VARIABLE, check_device_name
from ..patience import SECONDS
from ..system.bounds import PROMPT, bounded
from ..system.text_files import as_text, check_line, opened
from ..types import DTYPES
from .destination import check_out

if TYPE_CHECKING:
    from .cards.drawing import Cards

Command = TypeVar("Command", bound=Callable[..., Any])
SHAPERS = ("temperature", "top_k", "top_p")
"""The shapers with their own option. They come after all of `--with`, in this order."""

PARAMETERS = {
    "beam": {"beams": "width", "length_penalty": "length_penalty", "groups": "groups", "diversity": "diversity"},
    "smc": {"particles": "particles", "resample": "resample"},
}
"""The parameters of decoders with their own option, which also selects the decoder."""

APART = 2.0
"""By how many nats a text's beams avoid the tokens of earlier texts at the same position, by default."""

BEAMS = 1024
"""The largest number of beams."""


@dataclass
class Settings:
    """Settings of the whole program run, whichever command runs."""

    debug: bool = False
    arguments: tuple[str, ...] = ()  # as they were given
    used: list[Any] = field(default_factory=list)  # the `config.Setting`s that files gave to the running command


def typed_command() -> str:
    """The running command, ready to be typed again; "" if there is none, or the program does not know it."""
    context = click.get_current_context(silent=True)
    settings = context.find_object(Settings) if context else None
    if settings is None or not settings.arguments:
        return ""
    return pasted(("gen", *settings.arguments))


def pasted(words: Iterable[str]) -> str:
    """A command of these words for a shell. Unlike with shlex, Chinese words get no quotes."""
    return " ".join(word if re.fullmatch(r"[\w@%+=:,./-]+", word) else shlex.quote(word) for word in words)


@dataclass(frozen=True)
class Choice:
    """What a user chose with the shared options. `processors` are in the order in which they apply.

    `explain` is the requested HTML page, "" for explanations without a page, None for neither. `card` is the picture
    asked for. `command` is the command as typed.
    """

    model: str
    processors: tuple[str, ...]
    num: int
    seed: int | None
    decoder: str
    dtype: str
    fast: bool
    out: Path | None
    json: bool
    explain: str | None = None
    patience: float = SECONDS
    command: str = ""
    draft: str | None = None
    device: str = "auto"
    attention: str | None = None
    card: Path | None = None

    @cached_property
    def cards(self) -> Cards | None:
        """The pictures asked for, if any."""
        if self.card is None:
            return None
        from .cards.drawing import Cards

        return Cards(self.card, self.num)

    def with_default(self, spec: str) -> tuple[str, ...]:
        """The processors, followed by `spec` unless one with its name is among them.

        Under `smc`, which draws from the model's own distribution, `spec` is never added: the user has to ask for it.
        """
        if parse_spec(self.decoder).name.rpartition(":")[2] == "smc" and parse_spec(spec).name in SHAPERS:
            return self.processors
        names = {parse_spec(each).name.rpartition(":")[2] for each in self.processors}
        return self.processors if parse_spec(spec).name in names else (*self.processors, spec)


def choice() -> Choice:
    """The shared options of the running command. Raises GenError if a page or card that they name cannot be made."""
    values = click.get_current_context().meta[__name__]
    shapers = tuple(f"{name}={values[name]}" for name in SHAPERS if values[name] is not None)
    others = {name: values[name] for name in Choice.__annotations__ if name in values and name != "decoder"}
    if others.get("explain"):
        check_out(Path(others["explain"]), "--explain")
    made = Choice(processors=(*values["with"], *shapers), decoder=_decoder(values), command=typed_command(), **others)
    if made.cards is not None:
        made.cards.check()
    return made


def _decoder(values: Mapping[str, Any]) -> str:
    """The decoder written in full: `beam,width=8` for `--beams 8`."""
    given = {name: [o for o in options if values[o] is not None] for name, options in PARAMETERS.items()}
    implied = [name for name, options in given.items() if options]
    written = values["decoder"] or (implied[0] if implied else "sample")
    spec = parse_spec(written)
    name = spec.name.rpartition(":")[2]
    for other in implied:
        if other != name:
            option = "--" + given[other][0].replace("_", "-")
            raise GenError(f"{option} is for --decoder {other}, not for {name}; leave one of them out.")
    told = {PARAMETERS[name][option]: values[option] for option in given.get(name, ())}
    more = {key: (str(value),) for key, value in {**told, **_apart(told, values["num"])}.items()}
    for key in more.keys() & spec.options.keys():
        raise GenError(f"{quoted(written)} and its option give {key} twice; keep one of them.")
    return str(replace(spec, options={**spec.options, **more}, typed="")) if more else written


def _apart(told: Mapping[str, Any], num: int) -> dict[str, Any]:
    """The settings that make several texts of `--beams N` differ by default: each text has N beams in its own group."""
    width = told.get("width")
    if num == 1 or width is None or "groups" in told:
        return {}
    if num * width > BEAMS:
        raise GenError(
            f"--beams {width} for each of {num} texts are more than {BEAMS} beams; ask for fewer, or give --groups 1 "
            "for the likeliest texts of one search, which are much alike."
        )
    return {"width": num * width, "groups": num, "diversity": told.get("diversity", APART)}


def generating(model: str | None = None) -> Callable[[Command], Command]:
    """Give a command the shared options, with `model` as the default. In the command, `choice()` returns what was
    chosen.
    """

    def decorate(command: Command) -> Command:
        for option in reversed(_options(model)):
            command = option(command)
        return command

    return decorate


def explaining(command: Command) -> Command:
    """Give a command `--explain [FILE.html]`, which `output.continue_text` handles. Put it above `generating`."""
    return click.option(
        "--explain",
        is_flag=False,
        flag_value="",
        expose_value=False,
        callback=_keep_page,
        metavar="[FILE.html]",
        help="Tell what each choice cost; with FILE.html also as a page.",
    )(command)


def _keep_page(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value and not value.endswith((".html", ".htm")):
        raise click.BadParameter(f"{quoted(value)} is no page; write --explain alone, or --explain FILE.html")
    _keep(context, parameter, value)


def pictured(command: Command) -> Command:
    """Give a command `--card FILE`, which `output.continue_text` handles. Put it above `generating`."""
    return click.option(
        "--card",
        type=click.Path(path_type=Path),
        expose_value=False,
        callback=_keep,
        metavar="FILE.png|svg",
        help="Also draw a picture of each text; several are numbered. GEN_FONT names a font for PNG.",
    )(command)


def prompted(command: Command) -> Command:
    """Give a command `--prompt TEXT` and `--file FILE`. In the command, `read_prompt(prompt, file)` is the text."""
    command = click.option(
        "--file",
        metavar="FILE",
        help=f"Read the prompt from FILE, or - for standard input; {PROMPT:,} characters at most.",
    )(command)
    return click.option("--prompt", metavar="TEXT", help="The text to continue.")(command)


def read_prompt(prompt: str | None, file: str | None) -> str:
    """The text to continue. The last line break of a file is dropped."""
    if prompt is not None and file is not None:
        raise GenError("Both --prompt and --file were given; give one of them.")
    if file is None:
        return prompt or ""
    return read_text(file).replace("\r\n", "\n").removesuffix("\n")


def read_text(file: str) -> str:
    """The text of a file, .xz and .gz unpacked, or of standard input (-).

    Raises GenError if it is not UTF-8 text, or is longer than `bounds.PROMPT`.
    """
    return "".join(bounded(read_lines(file), PROMPT, _named(file), "give the part that a model is to read"))


def _named(file: str) -> str:
    return "Standard input" if file == "-" else file


def read_lines(file: str) -> Iterator[str]:
    """The lines of that text with their ends, one by one."""
    if file == "-" and sys.stdin is None:  # closed by the shell: <&-
        raise GenError("Standard input is closed; name a file instead.")
    where = _named(file)
    with as_text(sys.stdin.buffer, where) if file == "-" else opened(Path(file)) as lines:
        for number, line in enumerate(lines, 1):
            yield check_line(line, number, where)


def command_line(*arguments: str) -> str:
    """The command `gen` with these arguments for pasting, under the name by which it was called now."""
    called = Path(sys.argv[0] if sys.argv else "gen")
    if called.name == "__main__.py" and called.parent.name == __package__:
        program = [sys.executable, "-m", __package__ or ""]
    else:
        known = called.name != "gen" or str(called) == shutil.which("gen")
        program = ["gen" if known else str(called)]
    return pasted((*program, *arguments))


def set_debug(context: click.Context, _: click.Parameter, value: bool) -> None:
    """Remember that errors should show where they come from."""
    if value and (settings := context.find_object(Settings)):
        settings.debug = True


def debug_option() -> Callable[[Command], Command]:
    """`--debug`, which `gen` itself, every command of the core and our plugins take."""
    return click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        is_eager=True,
        callback=set_debug,
        help="Show where an error is from.",
    )


def device_option(
    keep: Callable[[click.Context, click.Parameter, Any], Any] | None = None,
) -> Callable[[Command], Command]:
    """`--device DEVICE`, by default GEN_DEVICE or auto. Its name is checked here, and `choose_device` says whether that
    device is there. With `keep`, which takes the name, the command itself does not get it.
    """

    def check(context: click.Context, parameter: click.Parameter, value: str) -> str:
        name = check_device_name(value)
        if keep is not None:
            keep(context, parameter, name)
        return name

    return click.option(
        "--device",
        expose_value=keep is None,
        metavar="DEVICE",
        default="auto",
        show_default=True,
        envvar=VARIABLE,
        show_envvar=True,
        callback=check,
        help=DEVICES_HELP,
    )


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    """Store a shared option beside the context, so that a command receives only its own options."""
    context.meta.setdefault(__name__, {})[parameter.name] = value


def is_shared(option: click.Option) -> bool:
    """Whether it is one of the options that `generating` gives to commands."""
    return option.callback is _keep


def _options(model: str | None) -> list[Callable[[Command], Command]]:
    def option(*names: str, **settings: Any) -> Callable[[Command], Command]:
        return click.option(*names, expose_value=False, callback=_keep, **settings)

    default = {"default": model} if model else {"required": True}
    written = "NAME[=VALUE[,key=value]]"
    return [
        option("--model", **default, shell_complete=_models, metavar="MODEL", show_default=True,
               help="A model of `gen models`, a folder, a GGUF file, or a hub name."),
        option("--with", multiple=True, metavar=written, shell_complete=_processors,
               help="Add a processor of `gen processors`; repeat for more, in order."),
        option("--num", type=click.IntRange(1), default=1, metavar="N", help="How many texts."),
        option("--seed", type=click.IntRange(0), metavar="N", help="The same seed gives the same text."),
        option("--temperature", type=float, metavar="T", help="Like --with temperature=T, after all --with."),
        option("--top-k", type=int, metavar="K", help="Like --with top_k=K, after --temperature."),
        option("--top-p", type=float, metavar="P", help="Like --with top_p=P, after --top-k."),
        option("--decoder", shell_complete=_decoders, metavar="NAME",
               help="How tokens are picked: one of `gen decoders`.  [default: sample]"),
        option("--beams", type=click.IntRange(1), metavar="N",
               help="Search with N beams for each text: the likeliest texts instead of drawn ones."),
        option("--length-penalty", type=float, metavar="P", help="Rank beams by logprob / length^P.  [default: 1]"),
        option("--groups", type=click.IntRange(1), metavar="N",
               help="Share --beams among N groups that differ.  [default: --beams for each text, in its own group]"),
        option("--diversity", type=float, metavar="D",
               help="By how many nats (-log of a probability) they avoid each other's tokens."),
        option("--particles", type=click.IntRange(1), metavar="N",
               help="Sample without the bias of masking, from N particles (smc: sequential Monte Carlo)."),
        option("--resample", type=click.FloatRange(0, 1), metavar="T",
               help="Resample where fewer than this share of them count.  [default: 0.5]"),
        option("--draft", metavar="DRAFT",
               help="Guess tokens ahead, which may save time and changes no text: lookup, ngram or model=NAME."),
        option("--dtype", type=click.Choice(DTYPES), default="auto",
               help="Numbers to compute with; auto is int8 where that costs little."),
        option("--attention", metavar="NAME", help="How attention is computed: eager, sdpa, flash_attention_2 ..."),
        option("--fast", is_flag=True, help="Faster where that costs reproducibility."),
        device_option(_keep),
        option("--patience", type=float, default=SECONDS, show_default=True, metavar="SECONDS",
               help="Give up (exit code 3) after so many seconds of search per 64 texts; the model's are not counted."),
        option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write to FILE; - is standard output."),
        option("--json", is_flag=True, help="Write a line of JSON for each text."),
        debug_option(),
    ]  # fmt: skip


def _models(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    if "/" in incomplete or incomplete.startswith("."):
        return [CompletionItem(incomplete, type="dir")]
    from ..sources import known_models

    return _starting(known_models(), incomplete)


def _processors(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _starting(registry().processors, incomplete)


def _decoders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _starting(registry().decoders, incomplete)


def _starting(names: Any, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]
