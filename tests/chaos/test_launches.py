"""R6: what a client was told is launched exists exactly once, whatever became of the API while it was told.

Clients send each launch until it is acknowledged, and some of them once more afterwards or both at the same time,
while the API is ended by SIGKILL and `runyard up` starts it again. There are no workers: only launching is tested.
"""

import queue
import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from sqlalchemy import func, select, text

from backend.processes import wait_until
from backend.store.session import Database
from backend.store.tables import Event, Experiment, Launch, Recipe, Run
from tests.chaos.backends import Backend
from tests.chaos.goals import Goal, scaled, seeded
from tests.processes.stack import Stack

KILLS = scaled(3, 20)
LAUNCHES = scaled(60, 1000)
LEAST_UNHEARD = scaled(1, 10)
CLIENTS = 3
PATIENCE_SECONDS = 300.0
"""For one launch: `runyard up` waits up to ten seconds before it starts a child that dies often."""
IMAGES = {"dataset": {"name": "shapes", "train_limit": 64, "test_limit": 20}}


@dataclass
class Order:
    """One launch that a client wants, and all answers that its key was given."""

    key: str
    body: dict[str, Any]
    answers: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Story:
    """What the clients met. Appended to by several threads."""

    acknowledged: list[Order] = field(default_factory=list)
    cut_off: list[str] = field(default_factory=list)
    """Keys of requests that were sent and never answered."""
    stored_unheard: list[str] = field(default_factory=list)
    """Keys whose first answer was that the launch is there already."""
    faults: list[str] = field(default_factory=list)


def test_every_acknowledged_launch_exists_exactly_once_though_the_api_is_killed(
    backend: Backend, goal: Goal, tmp_path: Path
) -> None:
    chance, _ = seeded()
    orders = [an_order(number, chance) for number in range(LAUNCHES)]
    with Stack(tmp_path / "home", workers=0, **backend.environment) as stack:
        story = Story()
        database = Database(backend.database_url(stack.home))
        kills = send_all(stack, database, orders, story, chance)
        assert not story.faults, story.faults[:5]
        wrong = what_is_wrong(database, orders)
        database.dispose()
    told = (
        f"{backend.kind}: {len(story.acknowledged)} launches acknowledged, {kills} kills of the API, "
        f"{len(story.cut_off)} requests cut off, {len(story.stored_unheard)} of them stored unheard, "
        f"{len(wrong)} not exactly once"
    )
    reached = kills >= KILLS and len(story.cut_off) >= KILLS and len(story.acknowledged) == LAUNCHES
    # What only the key keeps from being launched twice.
    reached = reached and len(story.stored_unheard) >= LEAST_UNHEARD
    print(wrong[:10])  # noqa: T201 -- pytest shows it where the test fails
    goal.tell(
        "R6",
        told,
        f"each of {LAUNCHES} exactly once and whole, {KILLS} kills, at least {LEAST_UNHEARD} stored unheard",
        held=reached and not wrong,
    )


def an_order(number: int, chance: random.Random) -> Order:
    """Return a launch of one run or several, some of them as an experiment, some with a parent to come along."""
    body: dict[str, Any] = {"name": f"order {number}", "seeds": [number, number + 1][: chance.randint(1, 2)]}
    if chance.random() < 0.5:
        body["experiment"] = f"experiment {number}"
    if chance.random() < 0.2:
        own = {**IMAGES["dataset"], "image_size": 32, "augment": "none"}
        body |= {"preset": "softmax-resnet18-last", "size": "quick", "overrides": {"dataset": own}}
    else:
        body |= {"preset": "softmax-original", "overrides": IMAGES}
    return Order(f"key-{number}", body)


def send_all(
    stack: Stack, database: Database, orders: list[Order], story: Story, chance: random.Random
) -> int:
    """Let the clients send all orders, and kill the API again and again meanwhile; return how often it died.

    Every second time it dies between storing a launch and telling so, which chance seldom meets.
    """
    waiting: queue.SimpleQueue[Order] = queue.SimpleQueue()
    for order in orders:
        waiting.put(order)
        if chance.random() < 0.1:
            waiting.put(order)  # the next client sends it in the same moment
    clients = [threading.Thread(target=send_each, args=(stack, waiting, story)) for _ in range(CLIENTS)]
    for client in clients:
        client.start()
    share = LAUNCHES / (KILLS + 1)
    kills = 0
    try:
        for number in range(1, KILLS + 1):
            due = int(number * share + chance.uniform(-0.3, 0.3) * share)
            told = lambda due=due: len(story.acknowledged) >= due or not alive(clients)  # noqa: E731
            assert wait_until(told, PATIENCE_SECONDS * 2, 0.001), stack.story()
            if not alive(clients):
                break
            process = api_process(stack)
            if number % 2:
                freeze_before_it_tells(process, database, story, clients)
            process.kill()
            kills += 1
    finally:
        for client in clients:
            client.join(PATIENCE_SECONDS * 2)
    assert not alive(clients), stack.story()
    return kills


def freeze_before_it_tells(
    process: psutil.Process, database: Database, story: Story, clients: list[threading.Thread]
) -> None:
    """Stop the API at a moment in which a launch is stored that no client has heard of."""

    def all_heard() -> bool:
        with database.read() as session:
            stored = set(session.scalars(select(Launch.idempotency_key)))
        return stored <= {order.key for order in story.acknowledged}

    def unheard() -> bool:
        process.suspend()
        # An answer that was sent already is heard in a moment.
        if not wait_until(all_heard, 0.5, 0.01):
            return True
        process.resume()
        return not alive(clients)

    assert wait_until(unheard, PATIENCE_SECONDS, 0.005), "it was never caught between storing and telling"


def alive(threads: list[threading.Thread]) -> bool:
    return any(thread.is_alive() for thread in threads)


def api_process(stack: Stack) -> psutil.Process:
    found: list[psutil.Process] = []

    def runs() -> bool:
        found[:] = [p for p in stack.descendants() if "backend.main" in " ".join(p.cmdline())]
        return len(found) == 1

    stack.until(runs)
    return found[0]


def send_each(stack: Stack, waiting: "queue.SimpleQueue[Order]", story: Story) -> None:
    """Be one client: send what waits, each until it is acknowledged."""
    bearer = {"Authorization": f"Bearer {stack.token_file.read_text().strip()}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.port}", headers=bearer, trust_env=False) as http:
        while True:
            try:
                order = waiting.get_nowait()
            except queue.Empty:
                return
            acknowledged = wait_until(lambda order=order: send(http, order, story), PATIENCE_SECONDS)
            if not acknowledged:
                story.faults.append(f"{order.key} was never acknowledged")
                return


def send(http: httpx.Client, order: Order, story: Story) -> bool:
    """Send a launch once; return whether it was acknowledged. What is refused is a fault of the test's own."""
    try:
        answer = http.post("/api/launches", json=order.body, headers={"Idempotency-Key": order.key})
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return False  # nobody is there yet
    except httpx.TransportError:
        story.cut_off.append(order.key)
        return False
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return False
    if not answer.is_success:
        story.faults.append(f"{order.key} was answered {answer.status_code}: {answer.text}")
        return True
    if not order.answers:
        story.acknowledged.append(order)
        if answer.status_code == httpx.codes.OK and order.key in story.cut_off:
            story.stored_unheard.append(order.key)
    order.answers.append(answer.json())
    return True


def what_is_wrong(database: Database, orders: list[Order]) -> list[str]:
    """Return a sentence for each thing that is not stored exactly once, or only in part."""
    with database.read() as session:
        launches = {one.idempotency_key: one for one in session.scalars(select(Launch))}
        runs_of: dict[int, list[int]] = {}
        for run_id, launch_id in session.execute(select(Run.id, Run.launch_id).order_by(Run.id)):
            runs_of.setdefault(launch_id, []).append(run_id)
        events = Counter(session.scalars(select(Event.run_id)))
        stored = session.execute(select(func.count()).select_from(Launch)).scalar_one()
        experiments = Counter(session.scalars(select(Experiment.name)))
        bare = session.scalars(select(Recipe.id).where(Recipe.id.not_in(select(Run.recipe_id)))).all()
        broken = broken_file(session) if database.is_sqlite else []
    wanted_experiments = Counter(body["experiment"] for body in bodies(orders) if "experiment" in body)
    wrong = [*broken, *(sentence for order in orders for sentence in wrong_with(order, launches, runs_of))]
    if stored != len(orders):
        wrong.append(f"{stored} launches are stored of {len(orders)}")
    if experiments != wanted_experiments:
        wrong.append(
            f"experiments differ: {experiments - wanted_experiments} {wanted_experiments - experiments}"
        )
    if bare:
        wrong.append(f"recipes {bare} belong to no run")
    all_runs = [run_id for ids in runs_of.values() for run_id in ids]
    # There were no workers: all that can have happened to a run is that it was launched.
    wrong += [f"run {run_id} has {events[run_id]} events" for run_id in all_runs if events[run_id] != 1]
    return wrong


def bodies(orders: list[Order]) -> list[dict[str, Any]]:
    return [order.body for order in orders]


def wrong_with(order: Order, launches: dict[str | None, Launch], runs_of: dict[int, list[int]]) -> list[str]:
    """Return what is wrong with one order: its launch, its runs, and what its answers said of them."""
    launch = launches.get(order.key)
    if launch is None:
        return [f"{order.key} was acknowledged and is not there"]
    if not order.answers:
        return [f"{order.key} was never acknowledged"]
    first = order.answers[0]
    runs = runs_of.get(launch.id, [])
    wrong = []
    if any(answer != first for answer in order.answers):
        wrong.append(f"{order.key} was answered differently: {order.answers}")
    if first["launch"] != launch.id or sorted(first["runs"] + first["parents"]) != runs:
        wrong.append(f"{order.key} was told {first}, and launch {launch.id} has the runs {runs}")
    if len(first["runs"]) != len(order.body["seeds"]):
        wrong.append(f"{order.key} asked for {len(order.body['seeds'])} runs and has {first['runs']}")
    return wrong


def broken_file(session: Any) -> list[str]:
    """Return what SQLite itself finds wrong with its file."""
    said = [row[0] for row in session.execute(text("PRAGMA integrity_check"))]
    dangling = session.execute(text("PRAGMA foreign_key_check")).all()
    return [line for line in said if line != "ok"] + [f"dangling: {row}" for row in dangling]
