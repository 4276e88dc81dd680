"""R9, the generated half: requests made out of the description get none but the answers that it describes."""

from fastapi import FastAPI, Response

from backend.settings import Settings
from backend.store.session import Database
from tests.chaos.asked import asking
from tests.chaos.generated import generate
from tests.chaos.goals import Goal, scaled, seeded
from tests.chaos.peopled import peopled
from tests.chaos.test_hostile import operations_of, unreadable

LEAST_CASES = scaled(2_000, 10_000)
EXAMPLES = scaled(15, 320)
"""Random cases of each operation, beside those at the limits of its fields, which are always the same 1,600 or so."""

LEAST_REACHED = 0.65
"""Share of the operations that must have answered with success, too: a test that is always refused tests the door.

Not all can: no chance guesses the name of a report, or two runs that were tested on the same images.
"""

# Rules that a description does not tell: which names there are, which fields belong together, that texts hold visible
# characters only, that a whole number is not written as 1.0.
MAY_REFUSE = (
    "POST /api/launches",
    "POST /api/launches/preview",
    "POST /api/reports/{name}/launch",
    "POST /api/queue/move",
    "POST /api/login",
    "POST /api/workers/drain",
    "POST /api/workers/forget",
    "POST /api/runs/{run_id}/priority",
    "GET /api/runs",
    "GET /api/recipes",
    "GET /api/models/{arch}/nodes",
    "GET /api/runs/{run_id}/series/values",
    "GET /api/compare",
    "GET /api/compare/curves",
    "GET /api/compare/models",
    "GET /api/compare/pair",
    "GET /api/compare/export",
    "GET /api/compare/points",
    "GET /api/reports/{name}/export",
    "GET /api/reports/{name}",
    "POST /api/own-reports",
    "POST /api/own-reports/{report_id}/edit",
    "POST /api/references",
    "DELETE /api/references/{name}",
)
ENDLESS = ("/api/events",)
"""A stream never ends: its parameters are in the fixed corpus, where it is left once it has begun."""


def test_generated_requests_get_none_but_described_answers(
    settings: Settings, sqlite_database: Database, goal: Goal
) -> None:
    made = peopled(settings, sqlite_database)
    _, seed = seeded()
    with asking(made.app) as asker:
        known = {str(one) for one in operations_of(asker) if one.path not in ENDLESS}
        found = generate(made.app, EXAMPLES, seed, without=ENDLESS, may_refuse=MAY_REFUSE)
        left_behind = [*unreadable(asker)]
    asked = known & found.statuses.keys()
    reached = {name for name in asked if any(200 <= status < 300 for status in found.statuses[name])}
    print("\n".join([*found.failures[:20], *left_behind]))  # noqa: T201 -- pytest shows it where the test fails
    goal.tell(
        "R9",
        f"{found.cases:,} generated cases to {len(asked)} of {len(known)} operations, {len(reached)} of them "
        f"also with success: {found.of_5xx} of 5xx, {len(found.failures)} failed checks",
        f"at least {LEAST_CASES:,} cases, every operation; no 5xx, no undescribed answer",
        held=not found.failures
        and not left_behind
        and found.of_5xx == 0
        and found.cases >= LEAST_CASES
        and asked == known
        and len(reached) >= LEAST_REACHED * len(known),
    )


def test_a_service_that_breaks_its_description_is_found_out() -> None:
    app = FastAPI(openapi_url="/api/openapi.json")

    @app.get("/api/inverse/{number}")
    def inverse(number: int) -> float:
        return 1 / number  # a fault of the service for 0

    @app.get("/api/even/{number}")
    def even(number: int) -> Response:
        return Response(status_code=418 if number % 2 else 200)  # and nobody said so

    failures = generate(app, examples=20, seed=1).failures
    assert any("GET /api/inverse" in one and "not_a_server_error" in one for one in failures)
    assert any("GET /api/even" in one and "status_code_conformance" in one for one in failures)
