"""POST /api/launches/preview: what a launch would be, without launching it."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session

from backend.api.deps import DatabaseDep, SettingsDep
from backend.api.launches import LaunchRequest
from backend.api.machines import read_machines
from backend.api.problems import RESPONSES
from backend.api.shelf import read_shelf
from backend.api.wire import Wire
from backend.confirming import needed_confirmation
from backend.launching import Variation, differences, variations
from backend.outlook import Outlook, outlook
from backend.readiness import missing_of
from backend.settings import Settings
from backend.snippets import snippets
from backend.store import launches
from backend.store.launches import NewRun

router = APIRouter(tags=["launches"])


class PreviewedRunWire(Wire):
    name: str
    seed: int
    differs: dict[str, Any]
    """What tells its combination from the others of the grid, by dotted path."""


class PreviewedParentWire(Wire):
    name: str
    seed: int


class DifferenceWire(Wire):
    """`preset` is the value of the preset, or of the run that is cloned; `value` a list where the grid varies it."""

    path: str
    preset: Any
    value: Any


class MissingWire(Wire):
    what: str
    sentence: str
    command: str


class SnippetsWire(Wire):
    curl: str
    cli: str
    python: str


class LaunchPreviewWire(Wire):
    """An estimate for `workers`, the first on `device`: `seconds` until all runs and parents are done over them, and
    `run_seconds`, the shortest and the longest of one run. Null where the size of a data set is not known; `seconds`
    also where no worker holds as many devices as a run needs.
    """

    count: int
    recipes: int
    runs: list[PreviewedRunWire]
    parents: list[PreviewedParentWire]
    seconds: float | None
    run_seconds: tuple[float, float] | None
    device: str
    workers: int
    basis: str
    """What the speeds come from: measured on this kind of device, or rough."""
    memory_bytes: int | None
    """What the run that needs most has of memory at its fullest."""
    device_memory_bytes: int | None
    warning: str | None
    """Where no worker holds as many devices as a run needs, or its memory is too small."""
    needs_confirmation: str | None
    differs: list[DifferenceWire]
    missing: list[MissingWire]
    ready: bool
    """Whether launching would be accepted; else `missing` says what must be brought in first."""
    snippets: SnippetsWire


@router.post("/api/launches/preview", responses=RESPONSES)
def preview_launch(
    body: LaunchRequest, request: Request, database: DatabaseDep, settings: SettingsDep
) -> LaunchPreviewWire:
    """Return what a launch would store, and what it lacks; nothing is stored. It refuses what launching refuses.

    Only a data set or a file of weights that is not here is no refusal: it is told as missing.
    """
    body.checked_experiment()
    with database.read() as session:
        return _preview(session, body, settings, f"{request.url.scheme}://{request.url.netloc}")


def _preview(session: Session, body: LaunchRequest, settings: Settings, address: str) -> LaunchPreviewWire:
    shelf = read_shelf(session)
    wish = body.wish()
    made = variations(wish, shelf, must_be_there=False)
    runs = [run for one in made for run in one.runs]
    stored = launches.without_parents_there(session, runs)
    machines = read_machines(session, settings)
    told = outlook(stored, shelf, machines)
    missing = missing_of(stored, shelf)
    return LaunchPreviewWire(
        count=len(runs),
        recipes=len(made),
        runs=[run for one in made for run in _run_wires(one)],
        parents=[PreviewedParentWire(name=one.name, seed=one.spec.seed) for one in _parents(stored)],
        **_estimates(told),
        needs_confirmation=needed_confirmation(len(runs), told, machines),
        differs=[
            DifferenceWire(path=one.path, preset=one.base, value=one.value)
            for one in differences(wish, made, shelf)
        ],
        missing=[MissingWire(what=one.what, sentence=one.sentence, command=one.command) for one in missing],
        ready=not any(one.blocks for one in missing),
        snippets=SnippetsWire(**snippets(body.model_dump(exclude_defaults=True), address)),
    )


def _estimates(told: Outlook) -> dict[str, Any]:
    return {
        "seconds": told.seconds,
        "run_seconds": None if told.shortest is None else (told.shortest, told.longest),
        "device": told.device,
        "workers": told.workers,
        "basis": told.basis,
        "memory_bytes": told.memory_bytes,
        "device_memory_bytes": told.device_memory_bytes,
        "warning": told.warning,
    }


def _run_wires(variation: Variation) -> Iterator[PreviewedRunWire]:
    for run in variation.runs:
        yield PreviewedRunWire(name=run.name, seed=run.spec.seed, differs=variation.values)


def _parents(runs: list[NewRun]) -> list[NewRun]:
    """Return the parents that come along, each once, in the order that they are stored in."""
    stored: dict[tuple[str, int], NewRun] = {}
    for run in runs:
        chain = []
        one = run
        while one is not None:
            chain.append(one)
            one = one.parent
        for member in reversed(chain):
            stored.setdefault((member.spec.recipe_hash(), member.spec.seed), member)
    asked_for = {id(run) for run in runs}
    return [run for run in stored.values() if id(run) not in asked_for]
