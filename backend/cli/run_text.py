"""All about a run, as text."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from backend.cli.attempt_text import COLUMNS, attempt_row, losses_text, retry_text, stale_text
from backend.cli.tables import GAP, instant, number, percent, plain_lines, print_table, visible
from backend.durations import duration
from backend.snippets import clone_command, leaves


def print_run(
    run: dict[str, Any], findings: Sequence[dict[str, Any]] = (), energy_wh: Sequence[float | None] = ()
) -> None:
    """Print how a run stands, what was found of it, its spec, and its attempts.

    `energy_wh` is that of its epochs, where it is known.
    """
    for line in _lines(run, findings, energy_wh):
        print(visible(line))
    if run["attempts"]:
        print()
        print_table(COLUMNS, [attempt_row(one, run["told_at"]) for one in run["attempts"]])


def _lines(
    run: dict[str, Any], findings: Sequence[dict[str, Any]], energy_wh: Sequence[float | None]
) -> Iterator[str]:
    yield f"Run {run['id']}: {run['name']}, seed {run['seed']}"
    yield f"{run['state']}{_why(run)}"
    for one in findings:
        yield f"{one['severity']}: {one['title'].lower()}. {one['sentence']} {one['advice']}"
        if one["change"]:
            yield f"  {clone_command(run['id'], one['change'])}"
    yield ""
    yield from plain_lines(("", ""), _facts(run) + _energy(energy_wh))[1:]
    yield ""
    spec = [
        (path, value if isinstance(value, str) else json.dumps(value)) for path, value in leaves(run["spec"])
    ]
    yield from plain_lines(("field", "value"), spec)


def _facts(run: dict[str, Any]) -> list[tuple[str, str]]:
    last = run["last"] or {"epoch": 0, "metrics": {}}
    facts = [
        ("recipe", run["recipe"]),
        ("preset", " ".join(filter(None, (run["preset"], run["size"]))) or GAP),
        ("experiment", run["experiment"] or GAP),
        ("starts from", _relative(run["parent"]) if run["parent"] else GAP),
        ("others start from it", ", ".join(map(_relative, run["children"])) or GAP),
        ("priority", str(run["priority"])),
        ("launched", instant(run["created_at"])),
        ("began", instant(run["started_at"])),
        ("ended", instant(run["finished_at"])),
        ("took", GAP if run["seconds"] is None else duration(run["seconds"])),
        ("epoch", f"{last['epoch']} of {run['spec']['epochs']}"),
        ("best test accuracy", _best(run)),
    ]
    if run["losses"]:
        facts.insert(-2, ("losses of its worker", losses_text(run)))
    return facts + [(name.replace("_", " "), _metric(name, value)) for name, value in last["metrics"].items()]


def _energy(energy_wh: Sequence[float | None]) -> list[tuple[str, str]]:
    """Return the energy of all epochs that told theirs, as a fact; none where no epoch did."""
    known = [value for value in energy_wh if value is not None]
    return [("energy of the run", f"{number(sum(known))} Wh")] if known else []


def _why(run: dict[str, Any]) -> str:
    if run["stale"]:
        return f", {stale_text(run['stale'])}"
    if run["retry_at"]:
        return f", {retry_text(run)}"
    if run["ahead"]:
        return f", {run['ahead']} ahead of it"
    return f": {run['detail'] or run['reason']}" if run["detail"] or run["reason"] else ""


def _relative(other: dict[str, Any]) -> str:
    return f"run {other['run']} ({other['name']}, {other['state']})"


def _best(run: dict[str, Any]) -> str:
    value = percent(run["best_test_acc"])
    return value if run["best_epoch"] is None else f"{value} at epoch {run['best_epoch']}"


def _metric(name: str, value: float | None) -> str:
    return percent(value) if name.endswith("_acc") else number(value)
