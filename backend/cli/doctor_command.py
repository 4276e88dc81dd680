"""`runyard doctor`: what is wrong with an installation, and what to do about it; also where nothing runs."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from backend.cli.exits import REFUSED
from backend.cli.service import Json
from backend.cli.tables import print_json, visible
from backend.version import VERSION

if TYPE_CHECKING:
    # Loaded by the command alone: it brings the store.
    from backend.doctor.finding import Finding

doctors = typer.Typer()

COLOURS = {"ok": "green", "note": "yellow", "fault": "bold red"}


@doctors.command()
def doctor(json_: Json = False) -> None:
    """Check everything on this machine, and say what to do about each fault. Exits with 1 where there is one.

    Works while nothing runs. It reads the database itself, so that it can tell what is wrong while the service is down;
    it leaves no trace in it.
    """
    from backend.doctor.examination import Examination

    findings = Examination(os.environ, VERSION).findings()
    faults = sum(one.level == "fault" for one in findings)
    if json_:
        print_json({"faults": faults, "findings": [_as_json(one) for one in findings]})
    else:
        _print(findings, faults)
    if faults:
        raise typer.Exit(REFUSED)


def _print(findings: "Sequence[Finding]", faults: int) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for one in findings:
        words = f"{one.about:<9} {visible(one.sentence)}"
        console.print(Text.assemble((f"{one.level:<5} ", COLOURS[one.level]), words))
        if one.remedy is not None:
            console.print(Text(f"{'':<15} do: {visible(one.remedy)}", style="cyan"))
    notes = sum(one.level == "note" for one in findings)
    told = [f"{faults} fault{'' if faults == 1 else 's'}" if faults else "No fault"]
    told += [f"{notes} note{'' if notes == 1 else 's'}"] if notes else []
    console.print(f"{', '.join(told)}.")


def _as_json(one: "Finding") -> dict[str, str | None]:
    return {"about": one.about, "level": str(one.level), "sentence": one.sentence, "remedy": one.remedy}
