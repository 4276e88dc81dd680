"""The one map from errors to HTTP: every refusal is {"error": {"kind", "message"}} with its status."""

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from backend.api.wire import ErrorWire
from backend.errors import RunyardError

log = structlog.get_logger()

RESPONSES: dict[int | str, dict] = {
    status: {"model": ErrorWire, "description": text}
    for status, text in (
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
    def _http(_request: Request, problem: HTTPException) -> JSONResponse:
        return answer(problem.status_code, "HttpError", str(problem.detail))

    @app.exception_handler(DBAPIError)
    def _database(_request: Request, problem: DBAPIError) -> JSONResponse:
        log.error("the database failed", error=str(problem.orig))
        return answer(503, "Unavailable", "The database is out of reach or refused; try again in a moment.")
