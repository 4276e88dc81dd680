"""What is on the screen for download: GET /api/compare/export, /api/compare/points and /api/reports/{name}/export."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from backend.api.compare import compare_runs
from backend.api.compare_reading import AskedDep, ChoiceQuery
from backend.api.deps import DatabaseDep, SettingsDep
from backend.api.problems import RESPONSES
from backend.api.reports import LARGEST_SEED, MOST_REFERENCES, Name, Wished, get_report
from backend.api.wire import iso
from backend.catalog.presets import Planned, preset
from backend.errors import InvalidSpec
from backend.export.comparison import comparison_table
from backend.export.formats import MEDIA_TYPES, PointsFormat, TableFormat, file_name, written
from backend.export.points import Whose, points_text
from backend.export.report_page import RecipeLine, report_html
from backend.export.report_tables import ALL, all_experiments, blocks, chosen_tables
from backend.report.material import wanted_runs
from backend.reporting import Variant, plan_report
from backend.store import points
from backend.store.points import Series
from backend.version import VERSION

Target = Annotated[
    float | None, Query(ge=0, le=1, allow_inf_nan=False, description="Test accuracy to be reached, a share.")
]
NAMED_RUNS = 8
"""So many runs stand in the name of a file."""

router = APIRouter(prefix="/api", tags=["exports"], responses=RESPONSES)


def _described(*forms: str) -> dict[int | str, dict[str, Any]]:
    """Return what an operation answers, for its description: text of one of these forms."""
    kinds = {"json": {"type": "object"}}
    return {
        200: {
            "description": "A file.",
            "content": {MEDIA_TYPES[form]: {"schema": kinds.get(form, {"type": "string"})} for form in forms},
        }
    }


@router.get(
    "/compare/export", response_class=Response, responses=_described("csv", "json", "latex", "markdown")
)
def export_comparison(
    database: DatabaseDep,
    asked: AskedDep,
    format: TableFormat,
    value: ChoiceQuery = "last",
    target: Target = None,
) -> Response:
    """Return the table of a comparison, a recipe a row: exact as CSV or JSON, as the page rounds it as LaTeX or Markdown."""
    found = compare_runs(database, asked, curves=False, value=value, target=target).model_dump(mode="json")
    text = written([comparison_table(found)], format, _stamp(found["cursor"]))
    return _attached(text, format, "comparison", *_named([one["id"] for one in found["runs"]]))


@router.get("/compare/points", response_class=StreamingResponse, responses=_described("csv", "json"))
def export_points(database: DatabaseDep, asked: AskedDep, format: PointsFormat) -> StreamingResponse:
    """Return all points of all of these runs, run after run: run, recipe, label, seed, metric, epoch and value.

    A value that is no number stands there by its name: nan, inf or -inf.
    """
    found = compare_runs(database, asked, curves=False)
    labels = {item.recipe: item.label for item in found.items}
    runs = [Whose(one.id, one.recipe, labels[one.recipe], one.seed) for one in found.runs]

    def read(run_id: int) -> dict[str, Series]:
        # A transaction for each run: one for all would stay open for as long as somebody's download takes.
        with database.read() as session:
            return points.read(session, run_id)

    def pieces() -> Iterator[str]:
        yield from points_text(runs, read, format, _stamp(found.cursor))

    name = file_name(format, "points", *_named([one.id for one in found.runs]))
    return StreamingResponse(pieces(), media_type=MEDIA_TYPES[format], headers=_headers(name))


@router.get("/reports/{name}/export", response_class=Response, responses=_described(*MEDIA_TYPES))
def export_report(
    name: Annotated[str, Path(max_length=100)],
    database: DatabaseDep,
    settings: SettingsDep,
    format: TableFormat | Literal["html"],
    table: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    size: Literal["quick", "published"] | None = None,
    dataset: Name = None,
    pretraining: Name = None,
    seed: Annotated[int | None, Query(ge=0, le=LARGEST_SEED)] = None,
    reference: Annotated[list[Wished] | None, Query(min_length=1, max_length=MOST_REFERENCES)] = None,
) -> Response:
    """Return a report, or one `table` of it by its number, such as 1.1 or S. As HTML it is one file with all there is.

    CSV holds one table: without `table` that of all experiments, an epoch a line.
    """
    view = get_report(name, database, settings, size, dataset, pretraining, seed, reference)
    if format == "html" and table is not None:
        raise InvalidSpec(
            f"table is {table!r}, and HTML holds the whole report: leave it out, or ask for csv, json, latex or markdown."
        )
    stamp, variant = _stamp(view["cursor"]), view["variant"]
    named = (name, variant["size"], variant["dataset"], "seed", variant["seed"])
    if format == "html":
        return _attached(report_html(view, _recipes(view), stamp), format, *named)
    if format == "csv" and table in (None, ALL):
        tables = [all_experiments(view)]
    else:
        tables = chosen_tables(view, None if table == ALL else table)
    return _attached(written(tables, format, stamp), format, *named, *(["table", table] if table else []))


def _stamp(cursor: str) -> dict[str, str]:
    now = datetime.now(UTC).timestamp()
    return {"version": VERSION, "exported_at": iso(now), "cursor": cursor}


def _named(runs: list[int]) -> list[object]:
    """Return what of the runs stands in the name of a file."""
    return [*runs[:NAMED_RUNS], *(["and", len(runs) - NAMED_RUNS, "more"] if len(runs) > NAMED_RUNS else [])]


def _attached(text: str, form: str, *named: object) -> Response:
    return Response(text, media_type=MEDIA_TYPES[form], headers=_headers(file_name(form, *named)))


def _headers(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}


def _recipes(view: dict[str, Any]) -> list[RecipeLine]:
    """Return the recipes of a report by their whole hashes, what they start from before them."""
    variant = view["variant"]
    plan = plan_report(Variant(view["name"], variant["size"], variant["dataset"], variant["pretraining"]))
    shown = _shown_runs(view)
    return [
        RecipeLine(_title(planned), recipe, seed, shown.get(recipe[:12]))
        for (recipe, seed), planned in wanted_runs(plan, variant["seed"]).items()
    ]


def _title(planned: Planned) -> str:
    assert planned.preset
    return preset(planned.preset).title


def _shown_runs(view: dict[str, Any]) -> dict[str, int]:
    """Return the run that each experiment of a report shows, by the beginning of its recipe's hash."""
    return {block["recipe"]: block["run"]["id"] for block in blocks(view, "experiment") if block["run"]}
