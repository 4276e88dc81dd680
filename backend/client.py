"""The Python client: the HTTP API as functions, for the command line and for scripts."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import connect_sse

from backend.calls.base import given
from backend.calls.checkpoints import CheckpointCalls
from backend.calls.comparing import CompareCalls
from backend.calls.exporting import ExportCalls
from backend.calls.launches import LaunchCalls
from backend.calls.queue import QueueCalls
from backend.calls.references import ReferenceCalls
from backend.calls.reports import ReportCalls
from backend.calls.runs import RunCalls
from backend.calls.series import SeriesCalls
from backend.errors import RunyardError
from backend.gate.finding import TokenFinder
from backend.settings import LOOPBACK

NOBODY = "No Runyard answers at {address}: start it with `runyard up`, or set RUNYARD_HOST and RUNYARD_PORT."
BROKEN_OFF = "The connection to {address} was lost: {problem}."

AWAY = (502, 503, 504)
"""What the service answers without its database, and a proxy without the service."""

STREAM_SILENCE_SECONDS = 60.0
"""A stream says something every fifteen seconds."""


class ServiceProblem(RunyardError):
    """The service refused, in its own sentence, or could not be reached. `status` is HTTP's; 0 where none came."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class Unreachable(ServiceProblem):
    """Nobody answers, the connection broke off, or its database is away: it may go well in a moment."""


class NotLoggedIn(ServiceProblem):
    """The service knows no such token, or was shown none."""


class _Bearer(httpx.Auth):
    """Shows the token, which is looked for at each request: its file may appear after the client was made."""

    def __init__(self, finder: TokenFinder) -> None:
        self._finder = finder

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._finder.find()
        if token is not None:
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


class Client(
    LaunchCalls,
    RunCalls,
    SeriesCalls,
    CheckpointCalls,
    CompareCalls,
    QueueCalls,
    ReportCalls,
    ReferenceCalls,
    ExportCalls,
):
    """Talks to one Runyard service. Use it as a context manager.

    It shows `token`, or the one in `token_file`; without either that of RUNYARD_TOKEN or RUNYARD_TOKEN_FILE, and
    to a service on this machine the one in the home folder, which only its owner can read. `direct`: past the proxy that
    the environment may name, as it is always done to the loopback.
    """

    def __init__(
        self,
        address: str = "http://127.0.0.1:8420",
        timeout_seconds: float = 30.0,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        direct: bool = False,
    ) -> None:
        self._address = address.rstrip("/")
        is_local = httpx.URL(self._address).host in LOOPBACK
        self._finder = TokenFinder(token, Path(token_file) if token_file else None, is_local=is_local)
        self._http = httpx.Client(
            base_url=self._address,
            timeout=timeout_seconds,
            auth=_Bearer(self._finder),
            trust_env=not (is_local or direct),  # a proxy has no business between two programs of one machine
        )

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None = None, *_: object) -> None:
        # Ctrl-C may have come while the pool's lock was being taken: to close it then would wait for ever.
        if kind is None or not issubclass(kind, KeyboardInterrupt):
            self._http.close()

    def login_link(self) -> str:
        """Return the address of a page that logs one browser in as operator, once."""
        return self._json("POST", "/api/login-links")["url"]

    def follow(
        self, run_id: int | None, after: str, *, log_after: int | None = None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (kind, data) of what happens to a run after a cursor, until the connection ends; None: to all runs.

        Kinds are state, epoch, rewind, progress, reset (begin again with a new cursor) and, of one run, log: its lines
        past `log_after`.
        """
        query = given({"run": run_id, "after": after, "log_after": log_after})
        with (
            self._reaching(BROKEN_OFF),
            connect_sse(
                self._http, "GET", "/api/events", params=query, timeout=STREAM_SILENCE_SECONDS
            ) as source,
        ):
            self._check(source.response)
            for event in source.iter_sse():
                if event.data:  # httpx-sse makes an empty one of each sign of life that follows an id
                    yield event.event, event.json()

    def events(
        self, after: str, run_id: int | None = None, *, log_after: int | None = None
    ) -> dict[str, Any]:
        """Return at once what `follow` would yield of the past as `events`, and the `cursor` to go on from.

        Each has `kind`, `data` and `id`; of progress there is what it is now.
        """
        query = given({"run": run_id, "after": after, "log_after": log_after})
        return self._json("GET", "/api/events/since", params=query)

    def _json(self, method: str, path: str, **options: Any) -> Any:
        with self._reaching(NOBODY):
            response = self._http.request(method, path, **options)
        self._check(response)
        try:
            return response.json()
        except ValueError:
            raise ServiceProblem(f"What answers at {self._address} is no Runyard.") from None

    @contextmanager
    def _open(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        with self._reaching(NOBODY), self._http.stream("GET", path, **options) as response:
            self._check(response)
            yield response

    @contextmanager
    def _reaching(self, sentence: str) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as problem:
            raise Unreachable(sentence.format(address=self._address, problem=problem)) from None

    def _check(self, response: httpx.Response) -> None:
        if response.is_error:
            response.read()
            raise self._problem(response)

    def _problem(self, response: httpx.Response) -> ServiceProblem:
        status = response.status_code
        if status == httpx.codes.UNAUTHORIZED:
            return NotLoggedIn(
                f"{self._address} lets nobody in without a token it knows: {self._finder.advice()}", status
            )
        kind = Unreachable if status in AWAY else ServiceProblem
        try:
            return kind(response.json()["error"]["message"], status)
        except (ValueError, KeyError, TypeError):
            asked = f"{response.request.method} {response.request.url.path}"
            return kind(f"{self._address} answered {status} to {asked}.", status)
