"""The one map from errors to HTTP: every refusal is {"error": {"kind", "message"}} with its status."""

from collections.abc import Mapping
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, Response
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from backend.api.pages import FRONTEND
from backend.api.wire import ErrorWire
from backend.errors import RunyardError
from backend.store.proof import OUT_OF_REACH, trouble
from backend.store.session import STORE_AWAY

log = structlog.get_logger()

MAX_BODY_BYTES = 1 << 20
TOO_LONG = f"The body may have {MAX_BODY_BYTES} bytes at most."

RESPONSES: dict[int | str, dict] = {
    status: {"model": ErrorWire, "description": text}
    for status, text in (
        (400, "The request cannot be read, or names a host that is not this one."),
        (401, "This needs a login."),
        (403, "This login, or the page it was asked from, may not do this."),
        (404, "There is no such thing."),
        (409, "It is in another state than this needs."),
        (413, "The body is too long."),
        (415, "The body is not JSON."),
        (422, "The request names something impossible."),
        (503, "The database is out of reach."),
    )
}


LONGEST_MESSAGE = 500
"""Characters of a refusal. Our own sentences are shorter."""

UNREADABLE = {
    ClientDisconnect: (413, TOO_LONG),  # what `safety` makes of a body that grows on and on
    UnicodeDecodeError: (422, "The body is not text in UTF-8."),
    RecursionError: (422, "The body is nested too deeply."),
    ValueError: (422, "The body holds a whole number of more than 4300 digits."),
}
"""What keeps a body from being read, beside what is no JSON, with the answer; the first that fits counts."""


def answer(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Return a refusal in the shape that all of them have."""
    return JSONResponse(
        {"error": {"kind": kind, "message": _fit_to_show(message)}}, status_code=status, headers=headers
    )


def store_away(problem: Exception) -> JSONResponse:
    """Return the answer to one of STORE_AWAY: what is wrong with the database, and what became of the request."""
    told = trouble(problem)
    then = "Try again in a moment." if told == OUT_OF_REACH else "Nothing was changed."
    return answer(503, "Unavailable", f"{told} {then}")


def _fit_to_show(message: str) -> str:
    """Return a sentence without what nobody sees, and what is too long of it cut in the middle.

    It may repeat names that came in: of a million characters, with NUL, with halves of characters, which would break
    the encoding of the answer, or with signs that turn the direction of the text after them.
    """
    if len(message) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2
        message = f"{message[:half]}…{message[-half:]}"
    seen = (one if one.isprintable() else one.encode("unicode_escape").decode() for one in message)
    return "".join(seen)


def _is_for_a_person(request: Request) -> bool:
    """Return whether an address was asked for by a browser's address bar: programs are answered in JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def _methods(request: Request, problem: HTTPException) -> str:
    """Return the methods of an address. The framework tells those of one route, where several share an address."""
    route = request.scope.get("route")
    described = request.app.openapi()["paths"].get(getattr(route, "path", None), {})
    return ", ".join(method.upper() for method in described) or (problem.headers or {}).get("Allow", "")


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
        for kind, (status, message) in UNREADABLE.items():
            if isinstance(problem.__cause__, kind):
                return answer(status, "InvalidRequest", message)
        if problem.status_code == HTTPStatus.NOT_FOUND:
            return answer(problem.status_code, "HttpError", "There is nothing at this address.")
        if problem.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            takes = _methods(request, problem)
            message = f"This address takes {takes}, not {request.method}."
            return answer(problem.status_code, "HttpError", message, {"Allow": takes})
        return answer(problem.status_code, "HttpError", str(problem.detail), problem.headers)

    @app.exception_handler(DataError)
    def _not_storable(_request: Request, _problem: DataError) -> JSONResponse:
        return answer(
            422, "InvalidRequest", "The request holds a character or a number that cannot be stored."
        )

    def _away(_request: Request, problem: Exception) -> JSONResponse:
        log.error("the store is out of reach", error=str(getattr(problem, "orig", problem)))
        return store_away(problem)

    for kind in STORE_AWAY:
        app.add_exception_handler(kind, _away)
