"""R9: hostile input. Whatever comes in, the answer is one that the description tells, and never a fault of the service."""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import FastAPI

from backend.settings import Settings
from backend.store.session import Database
from backend.text import is_clean
from tests.chaos import hostile
from tests.chaos.asked import Asker, Question, asking
from tests.chaos.described import Operation, Samples, operations
from tests.chaos.goals import FULL, Goal, scaled
from tests.chaos.judged import fault_of, strict_json
from tests.chaos.peopled import peopled

EACH = scaled(32, 1)
"""Within the tables that hold a spec, `make chaos` sends every value to every place, `make test` one of so many."""

SOME = scaled(3, 1)
"""The same for all other places: each gets others of the values than the place before it."""

LEAST_REQUESTS = {"SQLite": scaled(4_000, 40_000), "Postgres": scaled(1_200, 40_000)}
ALWAYS_READABLE = (
    "runs",
    "recipes",
    "queue",
    "workers",
    "status",
    "reports",
    "events/since?after=0",
    "health",
)


@dataclass
class Tally:
    """What became of many requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def ask(self, asker: Asker, question: Question) -> None:
        try:
            answer = asker.ask(question)
        except Exception as problem:  # noqa: BLE001 -- what an application raises is a 500 on a server
            self.statuses[500] += 1
            self.faults.append(f"{question}: raised {problem!r:.300}")
            return
        self.statuses[answer.status] += 1
        fault = fault_of(answer)
        if fault:
            self.faults.append(f"{question}: {fault}")

    @property
    def of_5xx(self) -> int:
        return sum(count for status, count in self.statuses.items() if status >= 500)


def test_hostile_values_in_every_field_are_refused_in_one_sentence_or_stored_readable(
    settings: Settings, database: Database, goal: Goal
) -> None:
    made = peopled(settings, database)
    kind = "SQLite" if database.is_sqlite else "Postgres"
    # Most is refused before a database hears of it: in `make test` the second one gets what databases differ about.
    values = None if FULL or database.is_sqlite else hostile.FOR_DATABASES
    tally = Tally()
    with asking(made.app) as asker:
        known = operations_of(asker)
        places = sum(len(one.parameters) + len(one.body_paths) for one in known)
        _expect_good_answers(asker, known, made.samples)
        for operation in known:
            for question in hostile_questions(operation, made.samples, values):
                tally.ask(asker, question)
            if operation.method != "GET":
                tally.faults += [f"after {operation}: {one}" for one in unreadable(asker)]
        _expect_good_answers(asker, known, made.samples)
    asked = tally.statuses.total()
    print("\n".join(tally.faults[:20]))  # noqa: T201 -- pytest shows it where the test fails
    goal.tell(
        "R9",
        f"{kind}: {asked:,} hostile requests to {places} places of {len(known)} operations: "
        f"{tally.of_5xx} of 5xx, {len(tally.faults)} bad answers",
        f"at least {LEAST_REQUESTS[kind]:,}; no 5xx; every refusal one sentence; all that was stored can be read",
        held=not tally.faults and asked >= LEAST_REQUESTS[kind],
    )


def test_a_field_that_does_not_bear_what_comes_in_is_found_out() -> None:
    app = FastAPI(openapi_url="/api/openapi.json")

    @app.get("/api/names")
    def names(name: str = "") -> dict[str, str]:
        return {
            "name": name.encode().decode("ascii", "strict")
        }  # what is not ASCII is a fault of the service

    tally = Tally()
    with asking(app) as asker:
        (operation,) = operations(app.openapi(), {})
        for question in hostile_questions(operation, Samples({}, {}), None):
            tally.ask(asker, question)
    assert tally.of_5xx > 0
    assert tally.statuses[200] > 0
    assert all("name=" in fault for fault in tally.faults)


def operations_of(asker: Asker) -> list[Operation]:
    description = strict_json(asker.ask(Question("GET", "/api/openapi.json")).body)
    fields = strict_json(asker.ask(Question("GET", "/api/presets")).body)["fields"]
    return operations(description, fields)


def hostile_questions(
    operation: Operation, samples: Samples, names: Collection[str] | None
) -> Iterator[Question]:
    """Yield an operation with every hostile value in every place, one at a time, and every hostile body and header.

    With `names` only the values of these names.
    """
    wire = [value for name, value in hostile.WIRE_TEXTS.items() if names is None or name in names]
    some = 1 if len(operation.parameters) + len(operation.body_paths) < 3 else SOME
    for number, (where, name) in enumerate(operation.parameters):
        for value in wire[number % some :: some]:
            yield operation.with_parameter(samples, where, name, value)
    texts = [text for name, text in hostile.json_values().items() if names is None or name in names]
    for number, place in enumerate(operation.body_paths):
        step = some if len(place) == 1 else EACH
        for text in texts[number % step :: step]:
            yield operation.with_value(samples, place, text)
    if names is not None:
        return  # names, bodies and headers are refused before a database hears of them
    for place in operation.objects:
        for key in hostile.key_texts():
            yield operation.with_key(samples, place, key)
    good = operation.asked(samples)
    if good.body is not None:
        for body, kind, says_length in hostile.bodies(good.body):
            yield replace(good, body=body, content_type=kind, says_length=says_length)
    for header in hostile.HEADERS if FULL else hostile.HEADERS[len(operation.path) % 4 :: 4]:
        yield replace(good, headers=(header,))


def unreadable(asker: Asker) -> Iterator[str]:
    """Yield what of the lists can no longer be read, or holds text that should not have been stored."""
    for path in ALWAYS_READABLE:
        address, _, query = path.partition("?")
        answer = asker.ask(Question("GET", f"/api/{address}", query))
        if answer.status != 200 or fault_of(answer):
            yield f"{path} answers {answer.status}: {fault_of(answer)}"
            continue
        for text in texts_in(strict_json(answer.body)):
            if not is_clean(text):
                yield f"{path} tells {text!r:.200}"


def texts_in(told: Any) -> Iterator[str]:
    """Yield every text of a JSON value, names included."""
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict):
        yield from told
        for value in told.values():
            yield from texts_in(value)
    elif isinstance(told, list):
        for value in told:
            yield from texts_in(value)


def _expect_good_answers(asker: Asker, known: list[Operation], samples: Samples) -> None:
    """Ask what is only looked at, with what fits: hostile values in one field mean little where another refuses first."""
    for operation in known:
        if operation.method == "GET":
            answer = asker.ask(operation.asked(samples))
            assert answer.status == 200, f"{operation}: {answer.status} {answer.body[:300]!r}"
            assert fault_of(answer) is None, operation
