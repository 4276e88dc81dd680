"""GET /api/runs/{id}/notebook: a run as a Jupyter notebook that repeats it, for download."""

import json
import re

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from backend.api.deps import DatabaseDep, RunId
from backend.api.problems import RESPONSES
from backend.errors import NotFound
from backend.notebook.build import NUMBERS, MadeWith, Repeated, Training, notebook
from backend.spec import Spec, parse_spec
from backend.store import points, recipes, runs
from backend.store.tables import Run

MEDIA_TYPE = "application/x-ipynb+json"
_LONGEST_FILE_NAME = 80

router = APIRouter(prefix="/api/runs", tags=["runs"], responses=RESPONSES)


class Notebook(Response):
    media_type = MEDIA_TYPE


@router.get(
    "/{run_id}/notebook",
    response_class=Notebook,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}},
)
def get_notebook(run_id: RunId, database: DatabaseDep) -> Notebook:
    """Return a notebook that repeats the training with torch alone, and compares its numbers with the stored ones."""
    with database.read() as session:
        run = runs.get(session, run_id).run
        made = notebook(
            Repeated(
                run_id=run_id,
                name=run.name,
                training=Training(parse_spec(run.spec), _made_with(session, run_id)),
                ancestors=_ancestors(session, run),
                numbers=_numbers(session, run_id),
            )
        )
        name = file_name(run_id, run.name)
    text = json.dumps(made, indent=1, allow_nan=False)
    return Notebook(text, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def file_name(run_id: int, run_name: str) -> str:
    """Return a name of letters, digits and hyphens, whatever the run's name holds."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"run-{run_id}-{run_name}")
    return words[:_LONGEST_FILE_NAME].strip("-") + ".ipynb"


def _ancestors(session: Session, run: Run) -> list[Training]:
    """Return what a run was trained from, the oldest first."""
    found: list[Training] = []
    spec, parent_id = parse_spec(run.spec), run.parent_run_id
    while spec.weights.source == "parent":
        spec = _parent_spec(session, spec)
        found.insert(0, Training(spec, MadeWith() if parent_id is None else _made_with(session, parent_id)))
        parent_id = None if parent_id is None else runs.get(session, parent_id).run.parent_run_id
    return found


def _parent_spec(session: Session, spec: Spec) -> Spec:
    assert spec.weights.parent
    table = recipes.table_of(session, spec.weights.parent)
    if table is None:
        raise NotFound("recipe", spec.weights.parent)
    parts = {name: value for name, value in table.items() if name != "spec_version"}
    return parse_spec({**parts, "seed": spec.parent_seed()})


def _made_with(session: Session, run_id: int) -> MadeWith:
    """Return what the last attempt that got so far was made with; nothing where none did."""
    told = [attempt.environment for attempt in runs.attempts(session, run_id) if attempt.environment]
    return MadeWith.of(told[-1] if told else None)


def _numbers(session: Session, run_id: int) -> dict[int, list[float]]:
    """Return the numbers by epoch, of the epochs that have all of them."""
    series = points.read(session, run_id, list(NUMBERS))
    columns = [series[name].by_epoch() if name in series else {} for name in NUMBERS]
    whole = set(columns[0]).intersection(*columns[1:])
    return {epoch: [column[epoch] for column in columns] for epoch in sorted(whole)}
