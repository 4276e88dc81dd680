"""Cases that schemathesis makes out of the description of an API, asked in this process and judged by its checks."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from schemathesis import engine, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.chaos.asked import HOST
from tests.conftest import TOKEN

CHECKS = {
    "not_a_server_error": True,
    "status_code_conformance": True,
    "content_type_conformance": True,
    "response_headers_conformance": True,
    "response_schema_conformance": True,
    "negative_data_rejection": True,
    "positive_data_acceptance": True,
    "missing_required_header": True,
    "unsupported_method": True,
    "allow_header_conformance": True,
    "ignored_auth": True,
    # What one login may see every login may: roles differ in what they do (tests/backend/test_gate.py).
    "object_level_authorization": False,
    # Both look at an order of requests, which comes from links between operations, and the description has none.
    # Orders of what changes a run are R10: tests/store/test_state_machine.py.
    "use_after_free": False,
    "ensure_resource_availability": False,
}


@dataclass
class Generated:
    cases: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """By operation."""
    failures: list[str] = field(default_factory=list)

    @property
    def of_5xx(self) -> int:
        return sum(n for one in self.statuses.values() for status, n in one.items() if status >= 500)


class _AsServed:
    """An application as a server has it: its faults are answers of 500.

    It is started and stopped by somebody else: schemathesis would stop it at exit only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        # What an application raises goes on to the server once it is answered.
        with suppress(Exception):
            await self._app(scope, receive, send)


def generate(
    app: ASGIApp, examples: int, seed: int, without: Iterable[str] = (), may_refuse: Iterable[str] = ()
) -> Generated:
    """Ask every operation but those of the paths `without`: at the limits of its fields, then `examples` at random.

    `may_refuse` are the operations (`GET /path`) that may refuse what the description allows.
    """
    config = SchemathesisConfig.from_dict(_configuration(examples, seed, may_refuse))
    headers = {"Host": HOST, "Authorization": f"Bearer {TOKEN}"}
    schema = openapi.from_asgi("/api/openapi.json", _AsServed(app), config=config, headers=headers)
    for path in without:
        schema = schema.exclude(path=path)
    found = Generated()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _count(found, event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.failures.append(f"schemathesis itself: {event!r:.500}")
    return found


def _configuration(examples: int, seed: int, may_refuse: Iterable[str]) -> dict[str, Any]:
    return {
        "base-url": f"http://{HOST}",
        "headers": {"Authorization": f"Bearer {TOKEN}"},
        "seed": seed,
        "continue-on-failure": True,
        # A failure is told as it was found: to make it smaller takes longer than to read it.
        "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
        "phases": {"stateful": {"enabled": False}},
        "checks": {name: {"enabled": enabled} for name, enabled in CHECKS.items()},
        "operations": [
            {"include-name": name, "checks": {"positive_data_acceptance": {"enabled": False}}}
            for name in may_refuse
        ],
    }


def _count(found: Generated, event: events.ScenarioFinished) -> None:
    for interaction in event.recorder.interactions.values():
        if interaction.response is not None:
            found.cases += 1
            found.statuses[event.label or ""][interaction.response.status_code] += 1
    for checks in event.recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                asked = check.failure_info.code_sample
                found.failures.append(f"{event.label}: {check.name}: {failure.message!r:.400} {asked!r:.400}")
