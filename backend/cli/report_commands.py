"""The commands of a report: run what is missing of it, watch it, print what it says."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from backend.catalog.reports import REPORT
from backend.cli.export_commands import ReportFormat, save_report
from backend.cli.report_text import report_text
from backend.cli.report_watch import chosen_variant, is_complete, watch
from backend.cli.seeds import parse_seeds
from backend.cli.service import Json, open_client
from backend.cli.tables import print_json
from backend.client import Client

report = typer.Typer(help="The published report beside what was measured here.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the report.")]
Size = Annotated[str | None, typer.Option(help="quick or published; quick where not given.")]
Dataset = Annotated[
    str | None, typer.Option(help="Images to train on; what is there decides where not given.")
]
Pretraining = Annotated[
    str | None, typer.Option(help="imagenet, or the data set that networks are trained on first.")
]
Reference = Annotated[
    list[str] | None, typer.Option(help="Hold it against this one; may be repeated. NAME or NAME:POINTS.")
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
            print_json(answer, as_line=watch_)
        else:
            print(f"Queued {len(answer['runs'])} runs; {answer['reused']} were there already.")
        if watch_:
            raise typer.Exit(_follow(client, name, variant, chosen or [None], as_json=json_))


def _follow(
    client: Client, name: str, variant: dict[str, Any], seeds: Sequence[int | None], *, as_json: bool
) -> int:
    """Watch the reports of some seeds one after the other, and print each; return 0 where all runs completed, else 1."""
    complete = True
    for seed in seeds:
        view = watch(client, name, {**variant, "seed": seed}, quiet=as_json)
        if as_json:
            print_json(view, as_line=True)
        else:
            print(report_text(view))
        variant = chosen_variant(view)  # the next seed's is the same but for its seed
        complete &= is_complete(view)
    return 0 if complete else 1


@report.command()
def show(
    name: Name = REPORT,
    size: Size = None,
    dataset: Dataset = None,
    pretraining: Pretraining = None,
    seed: Annotated[int | None, typer.Option(help="The first seed that has runs where not given.")] = None,
    reference: Reference = None,
    json_: Json = False,
) -> None:
    """Print the tables, published beside measured, and the comparison sentences."""
    with open_client() as client:
        view = client.report(
            name, size=size, dataset=dataset, pretraining=pretraining, seed=seed, reference=reference
        )
    if json_:
        print_json(view)
    else:
        print(report_text(view))


@report.command()
def export(
    file: Annotated[
        Path, typer.Argument(help="New file; how it ends tells the form: .html, .csv, .json, .tex or .md.")
    ],
    name: Name = REPORT,
    size: Size = None,
    dataset: Dataset = None,
    pretraining: Pretraining = None,
    seed: Annotated[int | None, typer.Option(help="The first seed that has runs where not given.")] = None,
    reference: Annotated[
        list[str] | None, typer.Option(help="Hold it against this one; may be repeated. NAME or NAME:POINTS.")
    ] = None,
    table: Annotated[str | None, typer.Option(help="One table alone, such as 1.1; not of .html.")] = None,
    form: Annotated[
        ReportFormat | None, typer.Option("--format", help="Whatever the file is called.")
    ] = None,
    json_: Json = False,
) -> None:
    """Save the report: as one HTML file that opens without a network and prints well, or its tables in another form."""
    variant = {
        "size": size,
        "dataset": dataset,
        "pretraining": pretraining,
        "seed": seed,
        "reference": reference,
    }
    with open_client() as client:
        written = save_report(client, name, file, form, table, variant)
    if json_:
        print_json({"report": name, "file": str(file), "format": written})
    else:
        print(f"{file} holds {f'table {table}' if table else 'the report'}.")
