"""The commands of a report: run what is missing of it, watch it, print what it says."""

import json
from typing import Annotated

import typer

from backend.cli.report_text import report_text
from backend.cli.report_watch import watch
from backend.cli.seeds import parse_seeds
from backend.cli.service import Json, open_client

report = typer.Typer(help="The published report beside what was measured here.", no_args_is_help=True)

REPORT = "cifar10-transfer"

Name = Annotated[str, typer.Argument(help="Name of the report.")]
Size = Annotated[str | None, typer.Option(help="quick or published; quick where not given.")]
Dataset = Annotated[
    str | None, typer.Option(help="Images to train on; what is there decides where not given.")
]
Pretraining = Annotated[
    str | None, typer.Option(help="imagenet, or the data set that networks are trained on first.")
]


@report.command()
def run(
    name: Name = REPORT,
    size: Size = None,
    dataset: Dataset = None,
    pretraining: Pretraining = None,
    seeds: Annotated[str | None, typer.Option(help="One whole report for each seed: 0,1,2.")] = None,
    watch_: Annotated[
        bool, typer.Option("--watch", help="Follow it to its end, then print its tables.")
    ] = False,
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Launch also what takes hours on the processors that are here.")
    ] = False,
    json_: Json = False,
) -> None:
    """Queue what is missing of the report: all of it at first; the quick size where none is named."""
    variant = {"size": size, "dataset": dataset, "pretraining": pretraining}
    chosen = parse_seeds(seeds)
    with open_client() as client:
        answer = client.launch_report(name, **variant, seeds=chosen, confirm=confirm or None)
        if json_:
            print(json.dumps(answer, indent=2, allow_nan=False))
        else:
            print(f"Queued {len(answer['runs'])} runs; {answer['reused']} were there already.")
        if watch_:
            shown = {**variant, "seed": chosen[0] if chosen else None}
            ended = watch(client, name, shown)
            print(report_text(client.report(name, **shown)))
            raise typer.Exit(ended)


@report.command()
def show(
    name: Name = REPORT,
    size: Size = None,
    dataset: Dataset = None,
    pretraining: Pretraining = None,
    seed: Annotated[int | None, typer.Option(help="The first seed that has runs where not given.")] = None,
    json_: Json = False,
) -> None:
    """Print the tables, published beside measured, and the comparison sentences."""
    with open_client() as client:
        view = client.report(name, size=size, dataset=dataset, pretraining=pretraining, seed=seed)
    print(json.dumps(view, indent=2, allow_nan=False) if json_ else report_text(view))
