"""The door: whoever comes shows a token or the login cookie, and asks for no more than the role may."""

from functools import partial
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.api.ended_stream import ending_stream
from backend.api.problems import answer, store_away
from backend.gate.keys import THE_OPERATOR, Keys, Visitor
from backend.gate.roles import READING, is_api, is_open, may
from backend.store.session import STORE_AWAY

LOG_IN = (
    "Log in first: `runyard login` prints a link for the browser, and programs send the header "
    "`Authorization: Bearer TOKEN`."
)
UNKNOWN_TOKEN = (
    "This token opens nothing here: it is wrong, revoked or expired (`runyard token create` makes another)."
)
LOOK_ONLY = "This login may look and change nothing: log in with an operator's token for this."
NO_ORIGIN = "A change by a browser's login must say the page it comes from (the header Origin)."


class Gate:
    """Lets a request through, sends a person to the login page, or refuses; puts the visitor into `request.state`."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":  # nothing here speaks over web sockets
            await send({"type": "websocket.close", "code": 1008})
        elif is_open(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
        else:
            await self._guarded(scope, receive, send)

    async def _guarded(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = HTTPConnection(scope)
        try:
            visitor, by_cookie = await self._visitor(request)
        except STORE_AWAY as problem:
            await store_away(problem)(scope, receive, send)
            return
        refusal = _refusal(request, visitor, by_cookie)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        assert visitor is not None
        request.state.visitor = visitor
        if visitor.mark is not None:  # a token that can be revoked while a stream of its holder goes on
            send = ending_stream(send, partial(self._keys.is_good, visitor))
        await self._app(scope, receive, send)

    async def _visitor(self, request: HTTPConnection) -> tuple[Visitor | None, bool]:
        """Return who it is, and whether a cookie says so. A token that is wrong is not mended by a good cookie."""
        token = bearer(request.headers)
        if token is not None:
            return self._keys.operator(token) or await run_in_threadpool(self._keys.holder, token), False
        claim = self._keys.claim(request.cookies.get(cookie_name(request), ""))
        if claim is None:
            return None, False
        if claim.mark is None:
            return THE_OPERATOR, True
        return await run_in_threadpool(self._keys.claimant, claim.name, claim.mark), True


def _refusal(request: HTTPConnection, visitor: Visitor | None, by_cookie: bool) -> Response | None:
    method, path = request.scope["method"], request.scope["path"]
    if visitor is None:
        return _log_in(request, method, path)
    if by_cookie and method not in READING and "origin" not in request.headers:
        return answer(403, "Refused", NO_ORIGIN)
    if not may(visitor.role, method, path):
        return answer(403, "NotAllowed", LOOK_ONLY)
    return None


def bearer(headers: Headers) -> str | None:
    """Return the token of the Authorization header; None without one, or where it is of another scheme."""
    for value in headers.getlist("authorization"):
        scheme, *rest = value.split(maxsplit=1) or [""]
        if scheme.lower() == "bearer":
            return rest[0].strip() if rest else ""
    return None


def cookie_name(request: HTTPConnection) -> str:
    """Return the name of the login cookie. Ports of one host share their cookies, so it holds the port."""
    return f"runyard_{request.url.port or (443 if is_secure(request) else 80)}"


def is_secure(request: HTTPConnection) -> bool:
    return request.url.scheme == "https"


def not_logged_in(message: str) -> Response:
    refusal = answer(401, "NotLoggedIn", message)
    refusal.headers["WWW-Authenticate"] = "Bearer"
    return refusal


def _log_in(request: HTTPConnection, method: str, path: str) -> Response:
    """Say how to log in: a page that a person asked for by the login page, all else in a sentence."""
    if bearer(request.headers) is not None:
        return not_logged_in(UNKNOWN_TOKEN)
    if is_api(path) or method not in READING:
        return not_logged_in(LOG_IN)
    query = request.url.query
    wanted = path + (f"?{query}" if query else "")
    return RedirectResponse(f"/login?next={quote(wanted, safe='')}", status_code=303)
