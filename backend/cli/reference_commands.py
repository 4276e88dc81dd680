"""References: the published tables that runs are held against, brought in as CSV or TOML."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from backend.cli.service import Json, open_client
from backend.cli.tables import print_json, print_table
from backend.references.reading import MOST_CHARACTERS, NAME, Format
from backend.references.template import CSV, TEMPLATES

EXAMPLE = "\n\n".join(
    (
        "A file ends in .csv or .toml. As CSV it has a line for each epoch; columns other than experiment and one number "
        "may be left out, an empty cell is a gap, and a line without an epoch stands for the trained model:",
        "\b\n" + CSV.rstrip(),
        "`runyard reference template toml` prints the same as TOML, which holds a title and a tolerance too. Accuracies are "
        "shares from 0 to 1, losses nats. The experiment is the name of a preset, or any that a report of your own binds.",
    )
)

reference = typer.Typer(
    help="Published tables that reports are held against: bring your own, list and remove them.",
    no_args_is_help=True,
)


@reference.command("import", epilog=EXAMPLE)
def import_reference(
    file: Annotated[Path, typer.Argument(help="A .csv or .toml file.", metavar="FILE")],
    name: Annotated[
        str | None, typer.Option(help="What it is called; that of the file where not given.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="How reports head it.")] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, help="Points that its verdicts allow on either side; 0.05 where not given."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Bring in a published table, for `runyard report show --reference NAME` and for the pages."""
    format_ = _format_of(file)
    text = _read(file)
    with open_client() as client:
        made = client.import_reference(
            name or _name_of(file), format_, text, title=title, tolerance_points=tolerance
        )
    if json_:
        print_json(made)
    else:
        print(f"{made['name']} holds {_amount(made)}.")


@reference.command("list")
def list_references(json_: Json = False) -> None:
    """List the references: Runyard's own, and those that were brought in."""
    with open_client() as client:
        found = client.references()
    if json_:
        print_json(found)
    else:
        columns = ("name", "title", "experiments>", "numbers>", "tolerance>")
        print_table(columns, map(_row, found))


@reference.command("remove")
def remove_reference(name: Annotated[str, typer.Argument(help="Name of the reference.")]) -> None:
    """Remove a reference that was brought in."""
    with open_client() as client:
        client.remove_reference(name)
    print(f"{name} is removed.")


@reference.command("template")
def template(
    form: Annotated[Literal["csv", "toml"], typer.Argument(help="csv or toml.", metavar="FORMAT")] = "csv",
) -> None:
    """Print an example of a file, to be filled in."""
    print(TEMPLATES[form], end="")


def _format_of(file: Path) -> Format:
    ending = file.suffix.lower()
    if ending == ".csv":
        return "csv"
    if ending == ".toml":
        return "toml"
    raise typer.BadParameter(f"FILE is {str(file)!r}; its name must end in .csv or .toml.")


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > 4 * MOST_CHARACTERS:
            raise typer.BadParameter(
                f"FILE has {file.stat().st_size:,} bytes; a table may have {MOST_CHARACTERS:,} characters."
            )
        return file.read_text("utf-8")
    except OSError as problem:
        raise typer.BadParameter(f"FILE {str(file)!r} cannot be read: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise typer.BadParameter(f"FILE {str(file)!r} is no text in UTF-8.") from None


def _name_of(file: Path) -> str:
    if not NAME.fullmatch(file.stem):
        raise typer.BadParameter(
            f"The name of FILE, {file.stem!r}, cannot be that of a reference: give --name."
        )
    return file.stem


def _amount(made: dict[str, Any]) -> str:
    experiments = len(made["experiments"])
    return f"{made['values']} numbers of {experiments} experiment{'' if experiments == 1 else 's'}"


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        one["name"],
        one["title"],
        str(len(one["experiments"])),
        str(one["values"]),
        f"{one['tolerance_points']:g} points",
    )
