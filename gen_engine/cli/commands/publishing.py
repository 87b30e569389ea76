"""`gen models card` and `gen models push`: complete a model's card, and publish its folder."""

from __future__ import annotations

from pathlib import Path

import click

from ...errors import GenError
from ...system.help_pages import examples
from ...system.screen import note
from ...system.tables import table
from ...system.whole_files import write_whole
from ..options import debug_option
from ..output import dump

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command(
    epilog=examples(
        "gen models card my-gpt2 --language zh --write", "gen models card my-gpt2 --license apache-2.0 --data 古诗"
    )
)
@click.argument("folder", type=FOLDER)
@click.option("--write", is_flag=True, help="Write the card into FOLDER instead of printing it.")
@click.option("--license", metavar="ID", help="Licence of the weights, as the hub spells it, such as apache-2.0.")
@click.option("--language", multiple=True, metavar="CODE", help="Language of the texts, such as zh. May be repeated.")
@click.option("--base-model", metavar="NAME", help="Model of the hub that this one was made from.")
@click.option("--dataset", multiple=True, metavar="NAME", help="Data set of the hub. May be repeated.")
@click.option("--metric", multiple=True, metavar="NAME", help="Metric of the figures, such as perplexity.")
@click.option("--data", metavar="TEXT", default="", help="What the model was trained on, and the licence of that.")
@debug_option()
def card(
    folder: Path,
    write: bool,
    license: str | None,
    language: tuple[str, ...],
    base_model: str | None,
    dataset: tuple[str, ...],
    metric: tuple[str, ...],
    data: str,
) -> None:
    """Complete the model card of FOLDER, and name what it still lacks.

    What the model and the records of its training tell is added: metadata for the hub, how it is used, how it was
    trained, figures, limits. What was written by hand stays as it is. What only you know is given by options.
    """
    from ...models.cards import CARD, completed, lacks

    spoken: str | list[str] = language[0] if len(language) == 1 else [*language]
    given = {"license": license, "language": spoken, "base_model": base_model, "datasets": [*dataset]}
    made = completed(folder, {**given, "metrics": [*metric]}, data=data.strip())
    if write:
        write_whole(folder / CARD, str(made), "make its folder writable")
        click.echo(f"{folder / CARD} is written")
    else:
        click.echo(str(made), nl=False)
    for words in lacks(made):
        note(f"The card lacks {words}.")


@click.command(
    epilog=examples("gen models push my-gpt2 owner/my-gpt2 --dry-run", "gen models push my-gpt2 ./to-publish")
)
@click.argument("folder", type=FOLDER)
@click.argument("repo")
@click.option("--dry-run", is_flag=True, help="Check everything and list what would be published; needs no network.")
@click.option("--private", is_flag=True, help="Let nobody else see a repository that is new.")
@click.option("--revision", metavar="BRANCH", help="Branch on the hub, made if it is new.  [default: main]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@debug_option()
def push(folder: Path, repo: str, dry_run: bool, private: bool, revision: str | None, as_json: bool) -> None:
    """Publish the model of FOLDER as REPO, on the hub or in a new folder.

    REPO is a name on the hub (owner/name), or a new folder (file://... or ./...). Files of the folder itself are
    published, in one commit; hidden files and folders, such as the records of a training, are not. Pickles are
    refused, and so is a card that lacks something (see `gen models card`). `hf auth login` keeps your token.
    """
    from ...models.pushing import place_of, plan, write_folder
    from ...models.pushing import push as publish

    place = place_of(repo)
    if place is not None and (private or revision is not None):
        raise GenError(f"{repo} is a folder, which is neither private nor on a branch; leave these options out.")
    planned = plan(folder)
    if dry_run:
        rows = [{"file": each.name, "bytes": each.size, "lfs": each.large} for each in planned.uploads]
        if as_json:
            return dump({"repo": repo, "files": rows, "bytes": planned.size, "left_out": list(planned.left_out)})
        cells = [[each.name, f"{each.size:,}", "yes" if each.large else ""] for each in planned.uploads]
        table(
            f"To be published as {repo}: {planned.size:,} bytes", ["file", "bytes", "Git LFS"], cells, right=["bytes"]
        )
        if planned.left_out:
            note(f"Not published: {', '.join(planned.left_out)}.")
        return None
    where = (
        write_folder(planned, place)
        if place is not None
        else publish(planned, repo, private=private, revision=revision)
    )
    if as_json:
        return dump({"repo": repo, "at": str(where), "bytes": planned.size})
    return click.echo(f"{len(planned.uploads)} files are at {where}")
