"""The references: published tables that runs are held against. Runyard's own is always there, and cannot be removed."""

from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from backend.api.deps import DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.wire import Wire
from backend.catalog.references import published_tables
from backend.catalog.reports import REPORT, report
from backend.errors import InvalidReference, NameTaken, NotFound
from backend.references.reading import LONGEST_NAME, LONGEST_TITLE, checked_tolerance, read_reference
from backend.references.tables import PUBLISHED, Reference, builtin, from_json
from backend.references.template import TEMPLATES
from backend.report.cells import Chosen
from backend.store import references as stored
from backend.store.tables import ReferenceRow

router = APIRouter(tags=["references"], responses=RESPONSES)

ReferenceName = Annotated[str, Path(max_length=LONGEST_NAME)]
MEDIA = {"csv": "text/csv; charset=utf-8", "toml": "application/toml; charset=utf-8"}


class ReferenceRequest(BaseModel):
    """`text` is that of the file, as `/api/reference-templates/csv` and `/toml` show it."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(max_length=1000)
    format: Literal["csv", "toml"]
    text: str
    title: str | None = None
    tolerance_points: float | None = None


class ReferenceBriefWire(Wire):
    """`experiments` are the names by which rows of reports find its tables; `values` counts its numbers."""

    name: str
    title: str
    tolerance_points: float
    builtin: bool
    experiments: list[str]
    values: int


class ReferencesWire(Wire):
    references: list[ReferenceBriefWire]


class ReferenceWire(ReferenceBriefWire):
    """With all of its tables: rows with an epoch of 0 were published without one."""

    tables: list[dict[str, Any]]


class RemovedReferenceWire(Wire):
    removed: str


@router.get("/api/references")
def list_references(database: DatabaseDep) -> ReferencesWire:
    """Return what runs can be held against: Runyard's own reference first, then those that people brought."""
    with database.read() as session:
        return ReferencesWire(references=[_brief(one) for one in read_all(session)])


@router.post("/api/references", status_code=201)
def create_reference(request: ReferenceRequest, database: DatabaseDep) -> ReferenceWire:
    """Store a published table out of the text of a CSV or TOML file."""
    if request.title is not None and len(request.title) > LONGEST_TITLE:
        raise InvalidReference(
            f"The title has {len(request.title)} characters; it may have {LONGEST_TITLE} at most."
        )
    made = read_reference(
        request.name,
        request.format,
        request.text,
        title=request.title,
        tolerance_points=request.tolerance_points,
    )
    with database.write() as session:
        if stored.count(session) >= stored.MOST:
            raise InvalidReference(f"There are {stored.MOST} references already; remove one first.")
        if not stored.create(
            session,
            name=made.name,
            title=made.title,
            tolerance_points=made.tolerance_points,
            tables=made.as_json(),
        ):
            raise NameTaken("reference", made.name)
    return _wire(made)


@router.get("/api/references/{name}")
def get_reference(name: ReferenceName, database: DatabaseDep) -> ReferenceWire:
    """Return a reference with all of its numbers."""
    with database.read() as session:
        return _wire(_read(session, [name])[0])


@router.delete("/api/references/{name}")
def remove_reference(name: ReferenceName, database: DatabaseDep) -> RemovedReferenceWire:
    """Remove a reference that somebody brought; reports that were bound to it say so."""
    if name == PUBLISHED:
        raise InvalidReference(f"'{PUBLISHED}' comes with Runyard; it cannot be removed.")
    with database.write() as session:
        if not stored.remove(session, name):
            raise NotFound("reference", name)
    return RemovedReferenceWire(removed=name)


@router.get(
    "/api/reference-templates/{format}",
    response_class=Response,
    responses={200: {"content": {kind.partition(";")[0]: {} for kind in MEDIA.values()}}},
)
def get_template(format: Literal["csv", "toml"]) -> Response:
    """Return an example of a file that a reference is read from, to be filled in."""
    headers = {"Content-Disposition": f'attachment; filename="reference.{format}"'}
    return Response(TEMPLATES[format], media_type=MEDIA[format], headers=headers)


def read_titles(session: Session) -> list[tuple[str, str]]:
    """Return name and title of all references, Runyard's own first."""
    own = _builtin()
    return [(own.name, own.title), *stored.titles(session)]


def read_all(session: Session) -> list[Reference]:
    """Return every reference, Runyard's own first."""
    return [_builtin(), *map(_made, stored.everything(session))]


def read_chosen(session: Session, wished: Sequence[str]) -> list[Chosen]:
    """Return references by wishes such as "published" or "our-lab:0.5", each once, with the tolerance in points.

    Raises:
        NotFound: there is none of a name; InvalidReference where a tolerance is none.
    """
    tolerances: dict[str, str] = {}
    for one in wished:
        name, _, told = one.partition(":")
        tolerances[name] = told
    return [
        Chosen(
            one, checked_tolerance(float(told)) if (told := tolerances[one.name]) else one.tolerance_points
        )
        for one in _read(session, list(tolerances))
    ]


def read_there(session: Session, names: Collection[str]) -> dict[str, Reference]:
    """Return those of these names that there are."""
    there = {name: _made(row) for name, row in stored.read(session, names).items()}
    return there | ({PUBLISHED: _builtin()} if PUBLISHED in names else {})


def _read(session: Session, names: Sequence[str]) -> list[Reference]:
    there = read_there(session, names)
    for name in names:
        if name not in there:
            raise NotFound("reference", name)
    return [there[name] for name in names]


def _builtin() -> Reference:
    return builtin(published_tables(), report(REPORT).protocol)


def _made(row: ReferenceRow) -> Reference:
    return from_json(row.name, row.title, row.tolerance_points, row.tables)


def _facts(one: Reference) -> dict[str, Any]:
    return {
        "name": one.name,
        "title": one.title,
        "tolerance_points": one.tolerance_points,
        "builtin": one.is_builtin,
        "experiments": list(one.tables),
        "values": sum(len(row) for table in one.tables.values() for row in table.rows.values()),
    }


def _brief(one: Reference) -> ReferenceBriefWire:
    return ReferenceBriefWire(**_facts(one))


def _wire(one: Reference) -> ReferenceWire:
    return ReferenceWire(**_facts(one), tables=one.as_json()["tables"])
