"""`runyard launch`: queue runs, or say what would be queued."""

from pathlib import Path
from typing import Annotated, Any

import typer

from backend.cli import show
from backend.cli.exits import complain
from backend.cli.fields import grid, overrides, spec_of
from backend.cli.preview_text import preview_lines
from backend.cli.seeds import parse_seeds
from backend.cli.service import Json, open_client
from backend.cli.tables import print_json, visible
from backend.cli.watch_commands import watch_runs

launches = typer.Typer()


@launches.command()
def launch(
    preset: Annotated[
        str | None,
        typer.Argument(help="Name of a preset, such as softmax-original; `runyard presets` lists them."),
    ] = None,
    clone: Annotated[
        int | None, typer.Option(metavar="RUN", min=1, help="Instead of a preset: as this run was.")
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Instead of a preset: a whole spec as JSON; "-" reads it.'),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="The quick size instead of the published one.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Change a field: --set optimizer.lr=0.1. Repeatable."
        ),
    ] = None,
    grid_: Annotated[
        list[str] | None,
        typer.Option(
            "--grid", metavar="FIELD=V1,V2", help="Train with each value; several make every combination."
        ),
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="One run for each seed: 0,1,2 or 0-4.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the runs.")] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Name of the question that these runs are to answer.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would be queued, how long it takes, what is missing."),
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow all of them to their ends.")] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Launch also what takes hours on the processors that are here.")
    ] = False,
    json_: Json = False,
) -> None:
    """Queue runs of a preset, of a clone or of a spec, and with them what they start from where it is not there yet."""
    if quick and preset is None:
        raise typer.BadParameter("--quick is a size of presets; a clone or a spec has its own.")
    wish = {
        "preset": preset,
        "clone": clone,
        "spec": spec_of(spec),
        "size": "quick" if quick else None,
        "overrides": overrides(set_ or []),
        "grid": grid(grid_ or []),
        "seeds": parse_seeds(seeds),
        "name": name,
        "experiment": experiment,
    }
    if dry_run:
        _preview(wish, as_json=json_)
        return
    with open_client() as client:
        answer = client.launch(**wish, confirm=confirm or None)
        if not (json_ and watch):
            show.launched(answer, as_json=json_)
        else:
            print_json({"kind": "launched", **answer}, as_line=True)
        if watch:
            ids = sorted([*answer["parents"], *answer["runs"]])
            raise typer.Exit(watch_runs(client, ids, as_json=json_))


def _preview(wish: dict[str, Any], *, as_json: bool) -> None:
    with open_client() as client:
        found = client.preview(**wish)
    if as_json:
        print_json(found)
    else:
        for line in preview_lines(found):
            print(visible(line))
    if not found["ready"]:
        complain("Nothing could be launched so: " + " ".join(one["sentence"] for one in found["missing"]))
        raise typer.Exit(1)
