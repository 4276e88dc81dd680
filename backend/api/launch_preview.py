"""POST /api/launches/preview: what a launch would be, without launching it."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session

from backend.api.deps import DatabaseDep, SettingsDep
from backend.api.launches import LaunchRequest
from backend.api.problems import RESPONSES
from backend.api.shelf import read_shelf
from backend.api.wire import Wire
from backend.confirming import assumed_device, assumed_kind, estimated_seconds, needed_confirmation
from backend.launching import Variation, differences, variations
from backend.readiness import missing_of
from backend.settings import Settings
from backend.snippets import snippets
from backend.store import launches, workers
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
    """`seconds`: all runs and parents one after the other on `device`; null where the size of a data set is not known."""

    count: int
    recipes: int
    runs: list[PreviewedRunWire]
    parents: list[PreviewedParentWire]
    seconds: float | None
    device: str
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
    devices = workers.devices(session, settings.worker_lost_seconds)
    missing = missing_of(stored, shelf)
    return LaunchPreviewWire(
        count=len(runs),
        recipes=len(made),
        runs=[run for one in made for run in _run_wires(one)],
        parents=[PreviewedParentWire(name=one.name, seed=one.spec.seed) for one in _parents(stored)],
        seconds=estimated_seconds(stored, shelf, assumed_kind(devices)),
        device=assumed_device(devices),
        needs_confirmation=needed_confirmation(stored, shelf, devices),
        differs=[
            DifferenceWire(path=one.path, preset=one.base, value=one.value)
            for one in differences(wish, made, shelf)
        ],
        missing=[MissingWire(what=one.what, sentence=one.sentence, command=one.command) for one in missing],
        ready=not any(one.blocks for one in missing),
        snippets=SnippetsWire(**snippets(body.model_dump(exclude_defaults=True), address)),
    )


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
