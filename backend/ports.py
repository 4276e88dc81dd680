"""The port that the API is served on: seen free before it starts, asked whether it answers after.

It must not know what answers.
"""

import socket
from contextlib import closing
from http.client import HTTPConnection, HTTPException


def is_free(host: str, port: int) -> bool:
    return _bind(host, port) is not None


def any_free_port(host: str) -> int:
    """Return a port that was free a moment ago."""
    port = _bind(host, 0)
    if port is None:
        raise OSError(f"No port is free on {host}.")
    return port


def answers(host: str, port: int, path: str) -> bool:
    """Return whether a GET of `path` is answered with 200. Never goes through a proxy of the environment."""
    with closing(HTTPConnection(host, port, timeout=1.0)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False


def _bind(host: str, port: int) -> int | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_STREAM)) as trial:
        # As uvicorn does: a port whose last connections are still winding down is free.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError:
            return None
        return trial.getsockname()[1]
