"""GET /api/recipes: pages of recipes with their runs, on both databases."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from backend.api.recipes import differs_from_preset
from backend.app import create_app
from backend.broker import Broker
from backend.catalog.presets import merged, preset
from backend.contract import RunState
from backend.queue import Bell
from backend.settings import Settings
from backend.store import launches, predictions
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.store import scenes

TEST_SET = "5e7" * 20 + "abcd"
IMAGES = 200


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    with clients.operator(app) as client:
        yield client


def complete(database: Database, *epochs: dict[str, float], images: int | None = IMAGES) -> int:
    """Train the next run of the queue to its end, with these metrics; return its id."""
    claimed = scenes.claim(database)
    if images is not None:
        with database.write() as session:
            predictions.describe_test_set(session, TEST_SET, ["a", "b"], bytes(images))
    for epoch, metrics in enumerate(epochs, start=1):
        told = None if images is None else (TEST_SET, bytes(images))
        assert scenes.report(database, claimed, epoch, metrics, predictions=told)
    assert scenes.end(database, claimed, RunState.COMPLETED)
    return claimed.run_id


def launch_named(database: Database, name: str, **changes: Any) -> int:
    wanted = [launches.NewRun(scenes.a_spec(**changes), name, "softmax-original", "quick")]
    with database.write() as session:
        return launches.accept(session, wanted, body_sha256="0" * 64).run_ids[0]


def listed(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/recipes{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["recipes"]


def test_a_recipe_comes_with_its_runs_the_newest_first(client: TestClient, database: Database) -> None:
    ids = scenes.launch(database, 3)
    (other,) = scenes.launch(database, epochs=7)
    first, second = listed(client)
    assert [run["id"] for run in first["runs"]] == [other]
    assert [run["id"] for run in second["runs"]] == ids[::-1]
    assert (second["total"], second["counts"], second["name"]) == (3, {"queued": 3}, "run 2")
    assert second["runs"][0]["recipe"] == second["recipe"]
    assert [run["ahead"] for run in second["runs"]] == [2, 1, 0]


def test_one_run_has_the_interval_of_its_test_images(client: TestClient, database: Database) -> None:
    scenes.launch(database)
    complete(database, {"test_acc": 0.6}, {"test_acc": 0.5}, images=100)
    (recipe,) = listed(client)
    accuracy = recipe["accuracy"]
    assert (accuracy["kind"], accuracy["mean"], accuracy["n"], accuracy["images"]) == ("wilson", 0.5, 1, 100)
    assert (round(accuracy["low"], 4), round(accuracy["high"], 4)) == (0.4038, 0.5962)
    assert recipe["best"] == {"value": 0.6, "epoch": 1, "run": recipe["runs"][0]["id"]}


def test_two_seeds_show_both_values_and_three_an_interval_of_the_mean(
    client: TestClient, database: Database
) -> None:
    scenes.launch(database, 3)
    for value in (0.50, 0.51):
        complete(database, {"test_acc": value})
    two = listed(client)[0]["accuracy"]
    assert (two["kind"], two["values"], two["low"]) == ("two", [0.50, 0.51], None)
    complete(database, {"test_acc": 0.52})
    three = listed(client)[0]["accuracy"]
    assert (three["kind"], three["n"], three["seeds"]) == ("t", 3, [0, 1, 2])
    assert three["high"] - three["mean"] == pytest.approx(0.01 * 4.302653 / 3**0.5, abs=1e-8)


def test_a_seed_that_was_trained_twice_counts_once(client: TestClient, database: Database) -> None:
    scenes.launch(database)
    scenes.launch(database)
    complete(database, {"test_acc": 0.1})
    complete(database, {"test_acc": 0.9})
    (recipe,) = listed(client)
    assert (recipe["total"], recipe["accuracy"]["n"], recipe["accuracy"]["mean"]) == (2, 1, 0.9)


def test_only_completed_runs_count_and_a_value_that_is_no_number_is_none(
    client: TestClient, database: Database
) -> None:
    scenes.launch(database, 2)
    complete(database, {"test_acc": float("nan")})
    claimed = scenes.claim(database)
    scenes.report(database, claimed, 1, {"test_acc": 0.7})
    (recipe,) = listed(client)
    assert recipe["counts"] == {"completed": 1, "running": 1}
    assert (recipe["accuracy"]["kind"], recipe["accuracy"]["mean"], recipe["accuracy"]["n"]) == (
        "none",
        None,
        0,
    )
    assert recipe["best"]["value"] == 0.7


def test_pages_follow_one_another_by_the_newest_run(client: TestClient, database: Database) -> None:
    for epochs in range(1, 6):
        scenes.launch(database, epochs=epochs)
    first = client.get("/api/recipes?limit=2").json()
    second = client.get(f"/api/recipes?limit=2&before={first['next']}").json()
    third = client.get(f"/api/recipes?limit=2&before={second['next']}").json()
    pages = [
        [recipe["runs"][0]["spec"]["epochs"] for recipe in page["recipes"]] for page in (first, second, third)
    ]
    assert pages == [[5, 4], [3, 2], [1]]
    assert (third["next"], first["total"]) == (None, 5)


def test_a_recipe_is_found_by_the_state_of_any_of_its_runs(client: TestClient, database: Database) -> None:
    scenes.launch(database, 2)
    scenes.launch(database, epochs=7)
    complete(database, {"test_acc": 0.5})
    (recipe,) = listed(client, "?state=completed")
    assert recipe["total"] == 2
    assert len(listed(client, "?state=queued")) == 2
    assert listed(client, "?state=failed") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("SHAPES", {"slow", "50%_fast"}),
        ("lr 0.05", {"slow"}),
        ("lr 0.5 softmax", {"50%_fast"}),
        ("50%_f", {"50%_fast"}),
        ("%", {"50%_fast"}),
        ("seed 4711", {"slow"}),
        ("32 px", {"50%_fast"}),
        ("quick queued softmax-original", {"slow", "50%_fast"}),
        ("slow 50%_fast", set()),
        ("#1000", set()),
        ("", {"slow", "50%_fast"}),
    ],
)
def test_every_word_of_a_filter_must_occur(
    client: TestClient, database: Database, query: str, found: set[str]
) -> None:
    launch_named(database, "slow", seed=4711, optimizer={"lr": 0.05})
    launch_named(database, "50%_fast", optimizer={"lr": 0.5}, dataset={"name": "shapes", "image_size": 32})
    answer = client.get("/api/recipes", params={"q": query}).json()
    assert {recipe["name"] for recipe in answer["recipes"]} == found


def test_a_recipe_is_found_by_its_hash_and_by_the_number_of_a_run(
    client: TestClient, database: Database
) -> None:
    run_id = launch_named(database, "one")
    launch_named(database, "other", epochs=9)
    (by_number,) = listed(client, f"?q=%23{run_id}")
    assert by_number["name"] == "one"
    digest = by_number["recipe"]
    assert [recipe["name"] for recipe in listed(client, f"?q={digest}")] == ["one"]
    assert [recipe["name"] for recipe in listed(client, f"?recipe={digest}&recipe={'0' * 12}")] == ["one"]


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?q=" + "a+" * 11, "q has 11 words; it may have 10 at most."),
        ("?q=" + "a" * 201, "q is"),
        ("?q=%00", "control character"),
        ("?limit=0", "limit is '0'"),
        ("?limit=101", "limit is '101'"),
        ("?before=9007199254740993", "before is"),
        ("?state=imaginary", "state is 'imaginary'"),
        ("?recipe=ABC", "recipe"),
    ],
)
def test_a_query_that_means_nothing_is_refused_in_one_sentence(
    client: TestClient, query: str, says: str
) -> None:
    answer = client.get(f"/api/recipes{query}")
    assert answer.status_code == 422
    assert says in message(answer)


def test_a_row_tells_what_its_recipe_changed_in_its_preset(client: TestClient, database: Database) -> None:
    body = {"preset": "softmax-original", "size": "quick", "overrides": {"dataset": {"name": "shapes"}}}
    client.post("/api/launches", json=body)
    body["overrides"] = {**body["overrides"], "optimizer": {"lr": 0.3, "momentum": 0.5}}
    client.post("/api/launches", json=body)
    changed, plain = listed(client)
    assert plain["differs"] == []
    assert changed["differs"] == ["momentum 0.5"]  # the learning rate stands in each row


def test_a_deleted_run_is_gone_and_with_its_last_run_the_recipe(
    client: TestClient, database: Database
) -> None:
    scenes.launch(database, 2)
    first, second = complete(database, {"test_acc": 0.1}), complete(database, {"test_acc": 0.2})
    client.delete(f"/api/runs/{first}")
    (recipe,) = listed(client)
    assert (recipe["total"], recipe["accuracy"]["values"]) == (1, [0.2])
    client.delete(f"/api/runs/{second}")
    assert listed(client) == []


def test_fifty_runs_of_a_recipe_are_shown_and_all_are_counted(client: TestClient, database: Database) -> None:
    ids = scenes.launch(database, 53)
    (recipe,) = listed(client)
    assert [run["id"] for run in recipe["runs"]] == ids[::-1][:50]
    assert (recipe["total"], recipe["counts"]) == (53, {"queued": 53})


def test_a_page_of_many_recipes_shows_fewer_runs_of_each_every_one_with_its_seed(
    client: TestClient, database: Database
) -> None:
    for epochs in range(1, 21):
        scenes.launch(database, 27, epochs=epochs)
    recipes = listed(client)
    assert {len(recipe["runs"]) for recipe in recipes} == {25}
    assert {recipe["total"] for recipe in recipes} == {27}
    runs = [run for recipe in recipes for run in recipe["runs"]]
    assert all(run["seed"] == run["spec"]["seed"] for run in runs)
    assert [run["seed"] for run in recipes[0]["runs"]] == list(range(26, 1, -1))
    assert len(listed(client, "?limit=10")[0]["runs"]) == 27


def test_the_searched_text_is_made_once_for_all_words(settings: Settings, database: Database) -> None:
    client = clients.operator(create_app(settings, database, Bell(Broker(NOBODY))))
    scenes.launch(database)
    texts = [
        sum(sent.count("JOIN experiment") + sent.lower().count("substr(") for sent in sent_by(database, ask))
        for ask in (lambda: listed(client, "?q=shapes"), lambda: listed(client, "?q=shapes+seed+0+lr+run"))
    ]
    assert texts[0] == texts[1] > 0


def statements(database: Database, ask: Callable[[], object]) -> int:
    """Return how many statements `ask` sends; of a service whose threads do not run."""
    return len(sent_by(database, ask))


def sent_by(database: Database, ask: Callable[[], object]) -> list[str]:
    """Return the statements that `ask` sends."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return seen


def test_a_page_takes_the_same_statements_for_many_recipes_and_runs_as_for_one(
    settings: Settings, database: Database
) -> None:
    app = create_app(settings, database, Bell(Broker(NOBODY)))
    client = clients.operator(app)  # not entered: without the threads, only the request's statements are seen
    scenes.launch(database, 2)
    complete(database, {"test_acc": 0.5})
    ask = lambda: client.get("/api/recipes?limit=100&q=shapes&state=queued")  # noqa: E731
    few = statements(database, ask)
    for epochs in range(6, 26):
        scenes.launch(database, 3, epochs=epochs)
    assert statements(database, ask) == few
    assert few <= 16
    assert len(ask().json()["recipes"]) == 21


def test_what_has_no_meaning_with_another_optimizer_is_not_told_as_a_change() -> None:
    base = preset("resnet18-pretrained").spec("published").model_dump(mode="json")
    changed = merged(
        base,
        {"optimizer": {"name": "adamw", "momentum": 0.0, "beta2": 0.99}, "schedule": {"name": "cosine"}},
    )
    told = differs_from_preset("resnet18-pretrained", "published", changed)
    assert told == ["beta2 0.99"]  # optimizer and schedule stand in each row, the momentum is gone
