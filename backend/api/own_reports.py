"""Reports that people make: a selection of runs and recipes, with notes, each row held against a reference where one is named.

An edit says which version it was made of: of two at once, one is refused.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.api.deps import LARGEST_INTEGER, DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.references import read_there
from backend.api.shelf import read_shelf
from backend.api.wire import DeletedWire, Wire, cursor, iso
from backend.errors import EditConflict, InvalidSpec, NotFound
from backend.report.own import (
    LONGEST_LABEL,
    MOST_ROWS,
    MOST_RUNS,
    RecipeNow,
    Row,
    check_binding,
    checked_notes,
    checked_title,
    from_json,
    row_wire,
)
from backend.store import events, recipes, replicates
from backend.store import own_reports as stored
from backend.store.tables import OwnReport
from backend.text import is_clean

router = APIRouter(prefix="/api/own-reports", tags=["own reports"], responses=RESPONSES)

ReportId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
RunNumber = Annotated[int, Field(ge=1, le=LARGEST_INTEGER)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RowRequest(BaseModel):
    """A recipe by its hash, or the first 12 digits of it; or some runs, which must be of one recipe."""

    model_config = ConfigDict(extra="forbid", strict=True)
    recipe: str | None = Field(None, pattern=r"^[0-9a-f]{12}([0-9a-f]{52})?$")
    runs: list[RunNumber] = Field(default_factory=list, max_length=MOST_RUNS)
    label: str | None = None
    reference: str | None = Field(None, max_length=100)
    experiment: str | None = Field(None, max_length=100)


class OwnReportRequest(BaseModel):
    """`rows` as they are shown; `runs` are further ones, each recipe of them a row that counts these runs alone."""

    model_config = ConfigDict(extra="forbid", strict=True)
    title: str
    notes: str = ""
    rows: list[RowRequest] = Field(default_factory=list, max_length=MOST_ROWS)
    runs: list[RunNumber] = Field(default_factory=list, max_length=MOST_RUNS)


class EditRequest(OwnReportRequest):
    version: Version
    """The one that was read before it was edited."""


class OwnReportBriefWire(Wire):
    id: int
    title: str
    version: int
    rows: int
    changed_at: str


class OwnReportsWire(Wire):
    reports: list[OwnReportBriefWire]


class OwnReportWire(Wire):
    """`rows` hold what was chosen, and what stands there now: see `backend.report.own.row_wire`."""

    id: int
    title: str
    notes: str
    version: int
    created_at: str
    changed_at: str
    cursor: str
    rows: list[dict[str, Any]]


@router.get("")
def list_own_reports(database: DatabaseDep) -> OwnReportsWire:
    """Return the reports that people made, the one that was changed last first."""
    with database.read() as session:
        return OwnReportsWire(reports=[_brief(row) for row in stored.everything(session)])


@router.post("", status_code=201)
def create_own_report(request: OwnReportRequest, database: DatabaseDep) -> OwnReportWire:
    """Save a selection of runs and recipes as a report."""
    title, notes = checked_title(request.title), checked_notes(request.notes)
    with database.write() as session:
        if stored.count(session) >= stored.MOST:
            raise InvalidSpec(f"There are {stored.MOST:,} reports already; delete one first.")
        rows = _rows(session, request)
        report_id = stored.create(session, title=title, notes=notes, content=_content(rows))
        return _wire(session, report_id)


@router.get("/{report_id}")
def get_own_report(report_id: ReportId, database: DatabaseDep) -> OwnReportWire:
    """Return a report with what was measured of each of its rows."""
    with database.read() as session:
        return _wire(session, report_id)


@router.post("/{report_id}/edit")
def edit_own_report(report_id: ReportId, request: EditRequest, database: DatabaseDep) -> OwnReportWire:
    """Save the next version of a report, unless somebody else did so meanwhile."""
    title, notes = checked_title(request.title), checked_notes(request.notes)
    with database.write() as session:
        rows = _rows(session, request)
        if not stored.edit(
            session, report_id, request.version, title=title, notes=notes, content=_content(rows)
        ):
            raise _conflict(session, report_id, request.version)
        return _wire(session, report_id)


@router.delete("/{report_id}")
def delete_own_report(
    report_id: ReportId, database: DatabaseDep, version: Annotated[int, Query(ge=1, le=2**31 - 1)]
) -> DeletedWire:
    """Delete a report, unless somebody edited it since this version. Its runs stay."""
    with database.write() as session:
        if not stored.remove(session, report_id, version):
            raise _conflict(session, report_id, version)
    return DeletedWire(deleted=report_id)


def _conflict(session: Session, report_id: int, version: int) -> EditConflict | NotFound:
    row = stored.read(session, report_id)
    if row is None:
        return NotFound("report", report_id)
    return EditConflict(
        f"Report {report_id} is at version {row.version}, and this was made of version {version}: read it again, and "
        "repeat your change."
    )


def _content(rows: list[Row]) -> dict[str, Any]:
    return {"rows": [row.as_json() for row in rows]}


def _rows(session: Session, request: OwnReportRequest) -> list[Row]:
    """Return the rows of a request, each with the whole hash of a recipe that there is.

    Raises:
        NotFound: a run, a recipe or a reference is not there; InvalidSpec for what cannot be a row.
    """
    named = {run for row in request.rows for run in row.runs} | set(request.runs)
    of_run = replicates.recipes_of(session, named)
    for run_id in sorted(named):
        if run_id not in of_run:
            raise NotFound("run", run_id)
    whole = replicates.whole_hashes(session, {row.recipe for row in request.rows if row.recipe})
    found = [_row(row, of_run, whole) for row in request.rows]
    by_recipe: dict[str, list[int]] = {}
    for run_id in dict.fromkeys(request.runs):
        by_recipe.setdefault(of_run[run_id], []).append(run_id)
    found += [Row(recipe, tuple(sorted(runs))) for recipe, runs in by_recipe.items()]
    if not 0 < len(found) <= MOST_ROWS:
        raise InvalidSpec(f"The report has {len(found)} rows; it must have 1 to {MOST_ROWS}.")
    references = read_there(session, {row.reference for row in found if row.reference})
    for row in found:
        check_binding(row, references)
    return found


def _row(request: RowRequest, of_run: dict[int, str], whole: dict[str, str]) -> Row:
    runs = tuple(sorted(set(request.runs)))
    hashes = {of_run[run] for run in runs}
    if request.recipe is not None:
        if request.recipe[:12] not in whole:
            raise NotFound("recipe", request.recipe)
        hashes.add(whole[request.recipe[:12]])
    if len(hashes) != 1:
        what = "neither a recipe nor runs" if not hashes else "runs of several recipes"
        raise InvalidSpec(f"A row names {what}; it is one recipe, or runs of one.")
    label = (request.label or "").strip() or None
    if label is not None and (len(label) > LONGEST_LABEL or not is_clean(label)):
        raise InvalidSpec(
            f"label has {len(label)} characters; it may have {LONGEST_LABEL} visible characters at most."
        )
    return Row(hashes.pop(), runs, label, request.reference or None, request.experiment or None)


def _brief(row: OwnReport) -> OwnReportBriefWire:
    return OwnReportBriefWire(
        id=row.id,
        title=row.title,
        version=row.version,
        rows=len(row.content["rows"]),
        changed_at=iso(row.changed_at),
    )


def _wire(session: Session, report_id: int) -> OwnReportWire:
    place = cursor(events.store_id(session), events.last_id(session))
    report = stored.read(session, report_id)
    if report is None:
        raise NotFound("report", report_id)
    rows = from_json(report.content)
    hashes = {row.recipe for row in rows}
    now = _recipes_now(session, hashes)
    references = read_there(session, {row.reference for row in rows if row.reference})
    images = read_shelf(session).all_images()
    return OwnReportWire(
        id=report.id,
        title=report.title,
        notes=report.notes,
        version=report.version,
        created_at=iso(report.created_at),
        changed_at=iso(report.changed_at),
        cursor=place,
        rows=[row_wire(row, now.get(row.recipe), references, images) for row in rows],
    )


def _recipes_now(session: Session, hashes: set[str]) -> dict[str, RecipeNow]:
    """Return those of these recipes that have a run, as they stand."""
    launched = replicates.launched(session, hashes)
    names, specs = recipes.names(session, hashes), replicates.specs(session, hashes)
    completed: dict[str, list[replicates.Replicate]] = {}
    for run in replicates.read(session, hashes):
        completed.setdefault(run.recipe, []).append(run)
    return {
        one: RecipeNow(names.get(one) or one[:12], specs[one], runs, completed.get(one, []))
        for one, runs in launched.items()
    }
