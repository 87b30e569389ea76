"""`gen serve` and `gen studio`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click
from click.core import ParameterSource

from gen_engine.cli.options import debug_option, device_option
from gen_engine.errors import GenError
from gen_engine.system.help_pages import examples
from gen_engine.types import DTYPES

from .names import host_of, origin_of
from .settings import Settings, read_keys

MODELS = ("poem", "novel")
"""What is served if no model is named."""

KEY = "GEN_API_KEY"
"""The environment variable with a key. A key on the command line would be seen by everybody who lists processes."""


class _Bytes(click.ParamType):  # type: ignore[type-arg]  # older clicks take no argument
    """A number of bytes, such as 512K or 1M. click offers no way but inheritance."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).upper().removesuffix("B")
        factor = {"K": 1 << 10, "M": 1 << 20}.get(text[-1:], 1)
        digits = text[:-1] if factor > 1 else text
        if not (digits.isascii() and digits.isdecimal() and int(digits)):
            self.fail(f"{value!r} is no size; write a number of bytes, or such as 512K or 1M.", param, ctx)
        return int(digits) * factor


def _size(count: int) -> str:
    """A number of bytes as `_Bytes` reads it."""
    return f"{count >> 20}M" if count % (1 << 20) == 0 else str(count)


def _names(read: Callable[[str], str]) -> Callable[[click.Context, click.Parameter, tuple[str, ...]], tuple[str, ...]]:
    """Reads each value of an option by `read`, which raises ValueError for what is none."""

    def each(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
        try:
            return tuple(map(read, values))
        except ValueError as problem:
            raise click.BadParameter(str(problem), ctx, param) from None

    return each


Command = Callable[..., Any]

ABOVE_0 = click.FloatRange(0, 86_400, min_open=True)
FROM_1 = click.IntRange(1, 1_000_000)


def _options(command: Command) -> Command:
    """All options of `gen serve`, in the order of its help. Each fills the field of `Settings` that it is called by."""
    for option in reversed((
        click.option("--model", "models", multiple=True, metavar="MODEL",
                     help="A model of `gen models`, a folder (called by its last part), or a hub name; repeat for "
                     "more.  [default: poem, novel]"),
        click.option("--host", default=Settings.host, show_default=True, metavar="ADDRESS",
                     help="Where to listen; 0.0.0.0 for all networks, and then with a key."),
        click.option("--port", type=click.IntRange(0, 65535), default=Settings.port, show_default=True, metavar="N",
                     help="Which port; 0 takes any that is free."),
        device_option(),
        click.option("--dtype", type=click.Choice(DTYPES), default=Settings.dtype, show_default=True,
                     help="Numbers to compute with."),
        click.option("--threads", type=click.IntRange(1, 256), metavar="N",
                     help="Threads that compute in each process.  [default: OMP_NUM_THREADS, or one a core]"),
        click.option("--rows", type=FROM_1, default=Settings.rows, show_default=True, metavar="N",
                     help="Texts that are written at once."),
        click.option("--queue", type=FROM_1, default=Settings.queue, show_default=True, metavar="N",
                     help="Requests that wait; what comes beyond is answered 429 with Retry-After."),
        click.option("--hard", type=FROM_1, default=Settings.hard, show_default=True, metavar="N",
                     help="Requests that wait for a long search, in a process of their own."),
        click.option("--no-patient-lane", "has_patient_lane", flag_value=False, default=True,
                     help="One process for all: half the memory, but a hard request delays the others."),
        click.option("--patience", type=ABOVE_0, default=Settings.patience, show_default=True, metavar="SECONDS",
                     help="How long to search for one request."),
        click.option("--timeout", "limit", type=ABOVE_0, default=Settings.limit, show_default=True, metavar="SECONDS",
                     help="How long a request may take in all."),
        click.option("--max-n", "texts", type=FROM_1, default=Settings.texts, show_default=True, metavar="N",
                     help="Texts that a request may have drawn."),
        click.option("--max-length", "length", type=FROM_1, default=Settings.length, show_default=True, metavar="N",
                     help="New tokens of a text."),
        click.option("--max-body", "body", type=_Bytes(), default=Settings.body, metavar="SIZE",
                     help=f"Bytes of a request, such as 512K.  [default: {_size(Settings.body)}]"),
        click.option("--api-key-file", metavar="FILE",
                     help=f"Keys that open the API, one a line. {KEY} may hold one, too."),
        click.option("--cors", "origins", multiple=True, metavar="ORIGIN", callback=_names(origin_of),
                     help="Let pages of this origin ask, such as https://example.org; repeat for more."),
        click.option("--allowed-host", "hosts", multiple=True, metavar="NAME", callback=_names(host_of),
                     help="A name of this server, beside loopback and --host; repeat for more, * for any."),
        click.option("--grace", type=click.FloatRange(0, 86_400), default=Settings.grace, show_default=True,
                     metavar="SECONDS", help="How long what runs may go on when the server is asked to end."),
        click.option("--log-json", "logs_json", is_flag=True, help="Log in lines of JSON."),
        click.option("--log-prompts", "logs_prompts", is_flag=True, help="Log what is asked for, too."),
        debug_option(),
    )):  # fmt: skip
        command = option(command)
    return command


@click.command(
    epilog=examples(
        "gen serve --model poem --port 8000", "gen serve --model poem --model novel --host 0.0.0.0 --api-key-file keys"
    )
)
@_options
def serve(**given: Any) -> None:
    """Serve models to programs and browsers.

    The completions protocol is under /v1, the commands poem, ci, couplet, novel and text are typed endpoints there, and
    the studio is at /.

    Many requests are written together, and each text is what it would be alone. One that is hard to decide goes on in a
    process of its own, and delays no other.

    \b
    gen serve --model poem --port 8000
    curl localhost:8000/v1/poems -H 'content-type: application/json' \\
         -d '{"prompt": "白日"}'

    /readyz says when the models are loaded, /metrics has figures for Prometheus, and /openapi.json the types. Only this
    machine reaches the server unless --host says otherwise. SIGTERM or Ctrl-C lets finish what runs; a second one ends
    it at once.
    """
    from .server import run

    source = click.get_current_context().get_parameter_source("hard")
    if not given["has_patient_lane"] and source is not ParameterSource.DEFAULT:
        raise GenError("--hard bounds what waits for the patient lane, and there is none; leave out --hard, or "
                       "--no-patient-lane.")  # fmt: skip
    keys = read_keys(given.pop("api_key_file"), os.environ.get(KEY))
    models = given.pop("models") or MODELS
    run(Settings(models, **given, keys=keys))


@click.command(epilog=examples("gen studio", "gen studio --port 8080 --no-browser"))
@click.option("--model", "models", multiple=True, metavar="MODEL",
              help="A model, as for `gen serve`; repeat for more.  [default: poem, novel]")  # fmt: skip
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N",
              help="Which port.  [default: any that is free]")  # fmt: skip
@click.option("--no-browser", is_flag=True, help="Only tell the address.")
@device_option()
@debug_option()
def studio(models: tuple[str, ...], port: int, no_browser: bool, device: str) -> None:
    """Write poems in the browser.

    The page is served on this machine alone, until Ctrl-C.
    """
    from .server import run

    run(Settings(models or MODELS, port=port, device=device, grace=1.0), opens=not no_browser)
