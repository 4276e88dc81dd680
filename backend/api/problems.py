"""The one map from errors to HTTP: every refusal is {"error": {"kind", "message"}} with its status."""

from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException

from backend.api.pages import FRONTEND
from backend.api.wire import ErrorWire
from backend.errors import RunyardError
from backend.store.session import STORE_AWAY

log = structlog.get_logger()

RESPONSES: dict[int | str, dict] = {
    status: {"model": ErrorWire, "description": text}
    for status, text in (
        (401, "This needs a login."),
        (403, "This login, or the page it was asked from, may not do this."),
        (404, "There is no such thing."),
        (409, "It is in another state than this needs."),
        (422, "The request names something impossible."),
        (503, "The database is out of reach."),
    )
}


def answer(status: int, kind: str, message: str) -> JSONResponse:
    """Return a refusal in the shape that all of them have."""
    # Halves of characters that came in would break the encoding of the answer.
    clean = message.encode("utf-8", "replace").decode()
    return JSONResponse({"error": {"kind": kind, "message": clean}}, status_code=status)


def _is_for_a_person(request: Request) -> bool:
    """Return whether an address was asked for by a browser's address bar: programs are answered in JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def install(app: FastAPI) -> None:
    """Teach an app to answer with refusals instead of traces."""

    @app.exception_handler(RunyardError)
    def _refused(_request: Request, problem: RunyardError) -> JSONResponse:
        return answer(problem.status, type(problem).__name__, str(problem))

    @app.exception_handler(RequestValidationError)
    def _malformed(_request: Request, problem: RequestValidationError) -> JSONResponse:
        first = problem.errors()[0]
        if first["type"] == "json_invalid":
            return answer(422, "InvalidRequest", "The body is not valid JSON.")
        where = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        shown = repr(first.get("input"))[:60]
        message = f"{where} is {shown}: {first['msg'][:1].lower()}{first['msg'][1:]}."
        return answer(422, "InvalidRequest", message)

    @app.exception_handler(HTTPException)
    def _http(request: Request, problem: HTTPException) -> Response:
        if problem.status_code == HTTPStatus.NOT_FOUND and _is_for_a_person(request):
            return FileResponse(FRONTEND / "missing.html", status_code=problem.status_code)
        return answer(problem.status_code, "HttpError", str(problem.detail))

    @app.exception_handler(DataError)
    def _not_storable(_request: Request, _problem: DataError) -> JSONResponse:
        return answer(
            422, "InvalidRequest", "The request holds a character or a number that cannot be stored."
        )

    def _away(_request: Request, problem: Exception) -> JSONResponse:
        log.error("the store is out of reach", error=str(getattr(problem, "orig", problem)))
        return answer(503, "Unavailable", "The database is out of reach; try again in a moment.")

    for kind in STORE_AWAY:
        app.add_exception_handler(kind, _away)
