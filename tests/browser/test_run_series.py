"""The long series on the page of a run: steps, and what was seen of its device. Drawn when they come into view."""

from array import array
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backend.store import chunks, points
from backend.store.session import Database
from tests.processes.stack import Stack

BOTH_COLOURS = pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
LIMIT_MS = 60_000
STEPS = 4000 // 32
IS_DRAWN = "name => document.querySelector(`[data-figure=${name}]`)?.data?.length > 0"
LINES = """name => document.querySelector(`[data-figure=${name}]`).data
    .map(({meta, x, y}) => ({series: meta.series, x: Array.from(x), y: Array.from(y)}))"""


@pytest.fixture
def store(stack: Stack) -> Iterator[Database]:
    """The store that the service reads from: what cannot be trained in a test's time is put there."""
    opened = Database(f"sqlite:///{stack.home / 'runyard.db'}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def stepped(stack: Stack) -> int:
    """A run of three epochs that kept its steps."""
    run_id = stack.launch(epochs=3, step_series=True, eval_batch_size=110)
    assert stack.wait_for_end(run_id)["state"] == "completed"
    return run_id


def lines(page: Page, figure: str) -> dict[str, dict[str, Any]]:
    """Return what a chart draws, by the name of the series, once it does."""
    page.wait_for_function(IS_DRAWN, arg=figure, timeout=LIMIT_MS)
    return {line["series"]: line for line in page.evaluate(LINES, figure)}


def told(page: Page, run_id: int) -> dict[str, int]:
    found = page.request.get(f"/api/runs/{run_id}/series").json()["series"]
    return {one["name"]: one["length"] for one in found}


@BOTH_COLOURS
def test_the_steps_of_a_run_are_drawn_one_point_each(page: Page, stepped: int) -> None:
    page.goto(f"/runs/{stepped}")
    expect(page.locator("#run")).to_be_visible()
    page.locator("#steps").scroll_into_view_if_needed()
    loss = lines(page, "step-loss")["step_loss"]
    assert loss["x"] == list(range(1, 3 * STEPS + 1))
    assert all(isinstance(value, float) and value > 0 for value in loss["y"])
    rate = lines(page, "step-lr")["step_lr"]
    assert set(rate["y"]) == {0.01}
    assert len(rate["y"]) == 3 * STEPS
    expect(page.locator("#steps-empty")).to_be_hidden()
    expect(page.locator("#steps-text")).to_have_text("")


@BOTH_COLOURS
def test_what_was_seen_of_the_device_is_drawn_one_point_a_sample(page: Page, stepped: int) -> None:
    page.goto(f"/runs/{stepped}")
    expect(page.locator("#run")).to_be_visible()
    page.locator("#device").scroll_into_view_if_needed()
    samples = told(page, stepped)["process_memory_bytes"]
    assert samples >= 1
    memory = lines(page, "memory")["process_memory_bytes"]
    assert len(memory["y"]) == samples
    assert 0.05 < memory["y"][0] < 64  # GiB
    load = lines(page, "load")["cpu_load"]
    assert all(0 <= value <= 1 for value in load["y"])
    assert load["x"] == memory["x"] == sorted(memory["x"])
    assert lines(page, "processors")["process_cpus"]["y"][-1] > 0
    expect(page.locator("#device-empty")).to_be_hidden()
    expect(page.locator("#device-tools select")).to_be_hidden()
    expect(page.locator("[data-figure=power]")).to_have_count(0)


def test_nothing_of_it_is_asked_for_before_it_comes_into_view(page: Page, stepped: int) -> None:
    asked: list[str] = []
    page.on(
        "request",
        lambda request: (
            asked.append(request.url) if "/series" in request.url and "/api/" in request.url else None
        ),
    )
    page.goto(f"/runs/{stepped}")
    expect(page.locator("[data-figure=accuracy] .main-svg").first).to_be_visible()
    assert asked == []
    page.locator("#steps").scroll_into_view_if_needed()
    lines(page, "step-loss")
    assert asked


def test_a_run_that_keeps_no_steps_says_how_it_would(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=1, eval_batch_size=111)
    stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#run")).to_be_visible()
    page.locator("#steps").scroll_into_view_if_needed()
    expect(page.locator("#steps-empty")).to_have_text("This run keeps no steps: launch it with step_series.")
    expect(page.locator("#steps-figures figure")).to_have_count(0)


def put_steps(store: Database, run_id: int, first: int, values: list[float]) -> None:
    series = {"step_loss": array("d", values)}
    with store.write() as session:
        chunks.append_steps(session, run_id, 1, first, series)


def test_a_long_series_is_thinned_and_says_so_and_tells_where_it_was_no_number(
    page: Page, stack: Stack, store: Database
) -> None:
    run_id = stack.launch(epochs=1, eval_batch_size=112)
    stack.wait_for_end(run_id)
    values = [2.0 + (step % 7) / 10 for step in range(1, 120_001)]
    values[59_999] = 77.0
    put_steps(store, run_id, 1, values)
    page.goto(f"/runs/{run_id}")
    page.locator("#steps").scroll_into_view_if_needed()
    loss = lines(page, "step-loss")["step_loss"]
    assert len(loss["x"]) == 2000
    assert (60_000, 77.0) in list(zip(loss["x"], loss["y"], strict=True))
    expect(page.locator("#steps-text")).to_have_text("min and max of 1,000 buckets of 120,000 steps")
    put_steps(store, run_id, 120_001, [float("nan")])
    page.reload()
    page.locator("#steps").scroll_into_view_if_needed()
    expect(page.locator("#steps-text")).to_contain_text("min and max of 400 buckets of 120,001 steps")
    expect(page.locator("#steps-text")).to_contain_text("Training loss of each step: NaN at step 120,001")


def test_new_steps_come_while_a_run_trains_and_leave_a_zoom(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=2000, step_series=True, eval_batch_size=113)
    stack.until(lambda: stack.epochs_done(run_id) >= 1)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#run")).to_be_visible()
    page.locator("#steps").scroll_into_view_if_needed()
    before = len(lines(page, "step-loss")["step_loss"]["x"])
    page.evaluate(
        "Plotly.relayout(document.querySelector('[data-figure=step-loss]'), {'xaxis.range': [10, 60]})"
    )
    more = "least => document.querySelector('[data-figure=step-loss]').data[0].x.length > least"
    page.wait_for_function(more, arg=before, timeout=LIMIT_MS)
    shown = page.evaluate("document.querySelector('[data-figure=step-loss]').layout.xaxis.range")
    assert shown == [10, 60]
    stack.client.cancel(run_id)
    stack.wait_for_end(run_id)


def test_of_several_attempts_the_newest_is_shown_until_a_person_chooses(
    page: Page, stack: Stack, store: Database
) -> None:
    run_id = stack.launch(epochs=1, eval_batch_size=114)
    stack.wait_for_end(run_id)
    with store.write() as session:
        for attempt, watts in ((2, 250.0), (3, 350.0)):
            samples = {"gpu_watts": chunks.Samples(0, array("d", [2.0, 4.0]), array("d", [watts, watts]))}
            chunks.append_samples(session, run_id, attempt, samples)
    page.goto(f"/runs/{run_id}")
    page.locator("#device").scroll_into_view_if_needed()
    assert lines(page, "power")["gpu_watts"]["y"] == [350.0, 350.0]
    page.locator("#device-tools select").select_option("2")
    page.wait_for_function("() => document.querySelector('[data-figure=power]').data[0].y[0] === 250")
    assert lines(page, "power")["gpu_watts"]["x"] == [2.0, 4.0]


def test_the_energy_of_a_run_stands_among_its_numbers_where_it_is_known(
    page: Page, stack: Stack, store: Database
) -> None:
    run_id = stack.launch(epochs=2, eval_batch_size=115)
    stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("[data-fact=elapsed]")).to_be_visible()
    expect(page.locator("[data-fact=energy]")).to_be_hidden()

    with store.write() as session:
        points.write(session, run_id, 1, {"energy_wh": 4.2})
        points.write(session, run_id, 2, {"energy_wh": 8.1})
    page.reload()
    expect(page.locator("[data-fact=energy]")).to_have_text("12.3 Wh")
