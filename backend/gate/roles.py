"""What may be asked without a login, and what each role may ask. Pure, on methods and paths."""

from typing import Literal

Role = Literal["viewer", "operator"]
ROLES: tuple[Role, ...] = ("viewer", "operator")

READING = frozenset({"GET", "HEAD"})
OPEN = frozenset({"/api/health", "/api/ready", "/login", "/favicon.ico"})
OPEN_BELOW = ("/static/", "/vendor/")
LOGIN = "/api/login"

VIEWER_MAY_POST = frozenset({"/api/logout", "/api/launches/preview"})
"""What changes nothing for anybody else."""


def is_open(method: str, path: str) -> bool:
    """Return whether a request is let through without a login."""
    if method == "POST":
        return path == LOGIN
    return method in READING and (path in OPEN or path.startswith(OPEN_BELOW))


def is_api(path: str) -> bool:
    """Return whether a path is for programs: what is refused there is answered, not sent to the login page."""
    return path.startswith("/api/")


def may(role: Role, method: str, path: str) -> bool:
    """Return whether a role may ask for this."""
    if role == "operator" or method in READING:
        return True
    return method == "POST" and path in VIEWER_MAY_POST
