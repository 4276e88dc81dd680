"""`runyard notebook`: save a run as a Jupyter notebook that repeats it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from backend.cli.service import Json, open_client
from backend.cli.tables import print_json
from backend.errors import RunyardError

exports = typer.Typer()


class NotSaved(RunyardError):
    """A file is in the way, or cannot be written."""


@exports.command()
def notebook(
    run: Annotated[int, typer.Argument(help="Id of the run.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write; run-ID.ipynb where not given.")
    ] = None,
    json_: Json = False,
) -> None:
    """Save a Jupyter notebook that repeats a run with torch alone and compares the numbers."""
    path = output or Path(f"run-{run}.ipynb")
    with open_client() as client:
        save(path, json.dumps(client.notebook(run), indent=1) + "\n")
    if json_:
        print_json({"run": run, "file": str(path)})
    else:
        print(f"{path} repeats run {run}.")


def save(path: Path, text: str) -> None:
    """Write a new file.

    Raises:
        NotSaved: one is there, which somebody may have worked in, or it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise NotSaved(f"{path} is there already; name another file with -o, or remove it.") from None
    except OSError as problem:
        raise NotSaved(f"{path} cannot be written: {problem.strerror}.") from None
