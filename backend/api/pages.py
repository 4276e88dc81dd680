"""The pages, their files, and plotly.js from its installed package."""

import gzip
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles

from backend.errors import NotFound

FRONTEND = Path(__file__).parents[2] / "frontend"
FOREVER = "public, max-age=31536000, immutable"

router = APIRouter(include_in_schema=False)


def mount(app: FastAPI) -> None:
    app.include_router(router)
    app.mount("/static", StaticFiles(directory=FRONTEND))


@router.get("/")
def runs_page() -> FileResponse:
    return FileResponse(FRONTEND / "runs.html")


@router.get("/runs/{run_id}")
def run_page(run_id: str) -> FileResponse:
    return FileResponse(FRONTEND / "run.html")


@router.get("/launch")
def launch_page() -> FileResponse:
    return FileResponse(FRONTEND / "launch.html")


@router.get("/compare")
def compare_page() -> FileResponse:
    return FileResponse(FRONTEND / "compare.html")


@router.get("/report")
def report_page() -> FileResponse:
    return FileResponse(FRONTEND / "report.html")


@router.get("/workers")
def workers_page() -> FileResponse:
    return FileResponse(FRONTEND / "workers.html")


@router.get("/favicon.ico")
def favicon() -> RedirectResponse:
    return RedirectResponse("/static/favicon.svg")


@router.get("/vendor/plotly.js")
def newest_plotly() -> RedirectResponse:
    return RedirectResponse(f"/vendor/plotly-{version('plotly')}.min.js")


@router.get("/vendor/plotly-{wanted}.min.js")
def plotly(wanted: str, request: Request) -> Response:
    """Return plotly.js. Its address holds its version, so browsers keep it for good."""
    if wanted != version("plotly"):
        raise NotFound("version of plotly.js", wanted)
    headers = {"Cache-Control": FOREVER, "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return FileResponse(_plotly_file(), media_type="text/javascript", headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(_plotly_gzipped(), media_type="text/javascript", headers=headers)


def _plotly_file() -> Path:
    found = find_spec("plotly")  # finds the package without importing it
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


@cache
def _plotly_gzipped() -> bytes:
    return gzip.compress(_plotly_file().read_bytes(), 6)
