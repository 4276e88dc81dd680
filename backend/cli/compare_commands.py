"""The commands that hold recipes against each other."""

from typing import Annotated, Any

import typer

from backend.cli.compare_text import print_comparison, recipe_row
from backend.cli.export_commands import PointsFormat, TableFormat, print_comparison_as, print_points
from backend.cli.service import Json, open_client
from backend.cli.tables import print_json, print_table
from backend.contract import RunState

comparisons = typer.Typer()


@comparisons.command()
def recipes(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORD...]", help="Only recipes in whose runs each word occurs."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    state: Annotated[RunState | None, typer.Option(help="Only recipes with a run in this state.")] = None,
    json_: Json = False,
) -> None:
    """List recipes, the one with the newest run first, with their accuracy over seeds."""
    with open_client() as client:
        page = client.recipes(limit=limit, state=state, q=" ".join(words or ()) or None)
    if json_:
        print_json(page)
    elif page["recipes"]:
        columns = ("recipe", "name", "what it trains", "state", "runs", "test acc>", "95 %", "n>", "best>")
        print_table(columns, [recipe_row(one) for one in page["recipes"]])
    else:
        print("No such recipes." if words or state else "No recipes yet.")


@comparisons.command()
def compare(
    runs: Annotated[
        list[int],
        typer.Argument(
            metavar="RUN...", help="Ids of runs, all that shall count; those of one recipe are its seeds."
        ),
    ],
    json_: Json = False,
    form: Annotated[
        TableFormat | None,
        typer.Option(
            "--format", help="Print the table in this form: csv and json exact, latex and markdown rounded."
        ),
    ] = None,
    points: Annotated[
        PointsFormat | None, typer.Option(help="Print all points of all runs in this form instead.")
    ] = None,
) -> None:
    """Say what differs between the recipes of runs, how good each is, and whether that tells them apart."""
    if sum((json_, form is not None, points is not None)) > 1:
        raise typer.BadParameter("Name one of --json, --format and --points.")
    with open_client() as client:
        if form is not None:
            print_comparison_as(client, runs, form)
        elif points is not None:
            print_points(client, runs, points)
        else:
            _print(client.compare(runs, curves=False), as_json=json_)


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_comparison(found)
