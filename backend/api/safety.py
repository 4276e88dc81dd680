"""What holds for every request: whose host it names, where it comes from, how long it is, what pages may do."""

import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.api.problems import MAX_BODY_BYTES, TOO_LONG, answer
from backend.gate.roles import READING

HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([^:\[\]/@]+))(?::[0-9]{1,5})?", re.ASCII)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Safety:
    """Refuses foreign hosts (a page elsewhere whose name was bound to 127.0.0.1), foreign origins and foreign bodies."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._foreign(headers, scope["method"]) or _unfit_body(headers)
        if refusal is not None:
            status, message = refusal
            await answer(status, "Refused", message)(scope, receive, _with_headers(send))
            return
        await self._app(scope, _limited(receive), _with_headers(send))

    def _foreign(self, headers: Headers, method: str) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if _hostname(host) not in self._hosts:
            return (
                400,
                f"This service answers to {', '.join(sorted(self._hosts))} only (RUNYARD_HOSTS names more).",
            )
        origin = headers.get("origin")
        if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
            return 403, "Requests from pages of another origin are refused."
        # Said by browsers alone. Same-site is not ours either: it may be another port of this machine.
        if method not in READING and headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return 403, "Changes asked for by pages of another site are refused."
        return None


def _unfit_body(headers: Headers) -> tuple[int, str] | None:
    length = headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 12 or int(length) > MAX_BODY_BYTES:
        return 413, TOO_LONG
    has_body = int(length) > 0 or "transfer-encoding" in headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        # What a form of another page can send without being asked about is no JSON.
        return 415, "The body must be JSON, with the header Content-Type: application/json."
    return None


def _hostname(host: str) -> str | None:
    """Return the name of a Host header without its port; None where it cannot be one."""
    found = HOST.fullmatch(host.lower())
    return (found[1] or found[2]) if found else None


def _limited(receive: Receive) -> Receive:
    """Count the bytes of a body that gave no length; end it where it grows too long."""
    seen = 0

    async def read() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY_BYTES:
            return {"type": "http.disconnect"}
        return message

    return read


def _with_headers(send: Send) -> Send:
    async def write(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            # Pages and modules are checked anew at each load: an update is seen at once.
            headers.setdefault("Cache-Control", "no-cache")
        await send(message)

    return write
