"""Logging in and out: a token or a one-time code becomes a cookie; links with such codes are made by operators."""

from collections.abc import Callable, Coroutine
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from fastapi.routing import APIRoute
from pydantic import SecretStr

from backend.api.gate import UNKNOWN_TOKEN, cookie_name, is_secure, not_logged_in
from backend.api.pages import FRONTEND
from backend.api.problems import RESPONSES, answer
from backend.api.wire import Wire
from backend.gate.codes import LoginCodes
from backend.gate.keys import Keys, Visitor
from backend.gate.roles import Role

log = structlog.get_logger()

USED_CODE = (
    "This link has been used, is older than a day or than its maker's token lived, or Runyard was started again "
    "since: `runyard login` prints another."
)
ONE_OF_TWO = 'The body must be {"token": "..."} or {"code": "..."}: one of the two, as text.'
LONGEST_SECRET = 1000


class _KeepsSecrets(APIRoute):
    """Refuses a malformed body without repeating it, as other refusals do: it may hold a token."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError:
                return answer(422, "InvalidRequest", ONE_OF_TWO)

        return guarded


router = APIRouter(tags=["login"], route_class=_KeepsSecrets)


class LoginRequest(Wire):
    token: SecretStr | None = None
    code: SecretStr | None = None


class LoginWire(Wire):
    """Who is logged in now."""

    name: str
    role: Role


class LogoutWire(Wire):
    logged_out: bool


class LinkWire(Wire):
    """A link that logs one browser in as its maker, once, within a day. The code stands where no log and no Referer sees it."""

    url: str


@router.get("/login", include_in_schema=False)
def login_page() -> FileResponse:
    return FileResponse(FRONTEND / "login.html")


@router.post("/api/login", responses=RESPONSES, response_model=LoginWire)
def login(wish: LoginRequest, request: Request, response: Response) -> LoginWire | Response:
    """Set the login cookie for the holder of a token, or of the one-time code of a login link."""
    if (wish.token is None) == (wish.code is None):
        return answer(422, "InvalidRequest", ONE_OF_TWO)
    if wish.token is not None:
        visitor = _holder(_keys(request), wish.token.get_secret_value())
        refusal = UNKNOWN_TOKEN
    else:
        assert wish.code is not None
        maker = _codes(request).use(wish.code.get_secret_value())
        visitor = maker and _keys(request).still(maker)
        refusal = USED_CODE
    if visitor is None:
        log.warning("a login was refused", by="token" if wish.token else "link")
        return not_logged_in(refusal)
    log.info("logged in", name=visitor.name, role=visitor.role, by="token" if wish.token else "link")
    value, life_seconds = _keys(request).cookie(visitor)
    _set_cookie(request, response, value, life_seconds)
    return LoginWire(name=visitor.name, role=visitor.role)


@router.post("/api/logout", responses=RESPONSES)
def logout(request: Request, response: Response) -> LogoutWire:
    """Take the login cookie away from this browser."""
    _set_cookie(request, response, "", 0)
    return LogoutWire(logged_out=True)


@router.post("/api/login-links", responses=RESPONSES, status_code=201)
def login_link(request: Request) -> LinkWire:
    """Make a link that logs one browser in as its maker, once, within a day, while this service runs."""
    code = _codes(request).make(request.state.visitor)
    return LinkWire(url=f"{request.url.scheme}://{request.url.netloc}/login#{code}")


def _holder(keys: Keys, token: str) -> Visitor | None:
    return keys.holder(token.strip()) if len(token) <= LONGEST_SECRET else None


def _set_cookie(request: Request, response: Response, value: str, life_seconds: int) -> None:
    response.set_cookie(
        cookie_name(request),
        value,
        max_age=life_seconds,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_secure(request),
    )


def _keys(request: Request) -> Keys:
    return request.app.state.keys


def _codes(request: Request) -> LoginCodes:
    return request.app.state.login_codes
