"""The Workers page in a real browser: who trains, what waits, and a person who changes the order of it."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import log_in
from tests.browser.silence import WORKERS, Silence, looking_at, silence
from tests.processes.stack import Stack

LIMIT_MS = 60_000


def order(stack: Stack) -> list[int]:
    return [entry["run"] for entry in stack.client.queue()["runs"]]


def worker_state(stack: Stack) -> str:
    (worker,) = stack.client.workers()
    return worker["state"]


def drain(stack: Stack, wanted: bool) -> None:
    for worker in stack.client.workers():
        stack.client.drain(worker["id"], drain=wanted)


@pytest.fixture(autouse=True)
def _all_flows_again(stack: Stack) -> Iterator[None]:
    """Undo what a test did to the queue and the worker, which the next one shares."""
    yield
    stack.client.unpause()
    drain(stack, wanted=False)


@pytest.fixture
def waiting(stack: Stack) -> list[int]:
    """Four runs in a paused queue, so that nothing but the test changes it."""
    stack.client.pause()
    return [stack.launch(epochs=1) for _ in range(4)]


def rows(page: Page) -> Locator:
    return page.locator("#queue-rows tr")


def row(page: Page, run_id: int) -> Locator:
    return page.locator(f"#queue-rows tr[data-run='{run_id}']")


def expect_order(page: Page, *run_ids: int) -> None:
    """Wait until the rows stand in this order, numbered from 1."""
    wanted = [[str(run_id), str(place)] for place, run_id in enumerate(run_ids, 1)]
    shown = "rows => rows.map(row => [row.dataset.run, row.querySelector('.position').textContent])"
    page.wait_for_function(
        f"wanted => JSON.stringify(({shown})([...document.querySelectorAll('#queue-rows tr')])) === JSON.stringify(wanted)",
        arg=wanted,
    )


def open_workers(page: Page, *run_ids: int) -> None:
    page.goto("/workers")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    expect_order(page, *run_ids)


def test_a_worker_is_shown_with_what_it_trains_live(page: Page, stack: Stack) -> None:
    page.goto("/workers")
    worker = page.locator(".worker")
    expect(worker).to_have_count(1)
    expect(worker).to_have_attribute("data-state", "idle")
    expect(worker).to_contain_text("CPU, ")
    expect(worker.locator(".heard")).to_have_text(re.compile(r"heard of \d+ s ago"))
    expect(page.locator("#no-queue")).to_contain_text("Nothing waits")
    expect(page.locator("#no-queue").get_by_role("link", name="Launch a run")).to_have_attribute(
        "href", "/launch"
    )
    running = stack.launch(epochs=5000)
    queued = stack.launch(epochs=1)
    expect(worker).to_have_attribute("data-state", "busy", timeout=LIMIT_MS)
    expect(worker.get_by_role("link")).to_have_attribute("href", f"/runs/{running}")
    expect(worker).to_contain_text(re.compile(r"epoch \d+ of 5000 · .+ left"), timeout=LIMIT_MS)
    first = worker.locator(".training-line").inner_text()
    expect(worker.locator(".training-line")).not_to_have_text(first, timeout=LIMIT_MS)
    expect(row(page, queued)).to_contain_text("next")
    expect(page.locator("#overview")).to_have_text("1 worker trains")
    stack.client.cancel(running)
    expect(row(page, queued)).to_have_count(0, timeout=LIMIT_MS)


def test_runs_are_moved_by_buttons_and_the_focus_stays_on_the_button(
    page: Page, stack: Stack, waiting: list[int]
) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    up = row(page, d).locator("[data-step=up]")
    up.focus()
    for wanted in ([a, b, d, c], [a, d, b, c], [d, a, b, c]):
        page.keyboard.press("Enter")
        expect_order(page, *wanted)
        expect(up).to_be_focused()
    page.keyboard.press("Enter")  # it is the first already
    stack.until(lambda: order(stack) == [d, a, b, c])
    expect(up).to_have_attribute("aria-disabled", "true")
    expect(page.locator("#said")).to_have_text(f"Run {d} is now 1 of 4.")
    row(page, a).locator("[data-step=down]").click()
    expect_order(page, d, b, a, c)
    row(page, d).locator("[data-step=last]").click()
    expect_order(page, b, a, c, d)
    row(page, c).locator("[data-step=first]").click()
    expect_order(page, c, b, a, d)
    stack.until(lambda: order(stack) == [c, b, a, d])


@pytest.mark.full
def test_presses_that_come_quickly_are_all_done(page: Page, stack: Stack, waiting: list[int]) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    for _ in range(3):
        row(page, d).locator("[data-step=up]").click()
    expect_order(page, d, a, b, c)
    stack.until(lambda: order(stack) == [d, a, b, c])


def drag(page: Page, run_id: int, onto: int, *, drop: bool = True) -> None:
    """Take a row by its handle to the middle of another row, as a mouse does."""
    handle = row(page, run_id).locator("[data-handle]").bounding_box()
    target = row(page, onto).bounding_box()
    assert handle is not None
    assert target is not None
    page.mouse.move(handle["x"] + 12, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    page.mouse.move(handle["x"] + 14, target["y"] + target["height"] / 2, steps=5)
    if drop:
        page.mouse.up()


def test_runs_are_moved_by_dragging(page: Page, stack: Stack, waiting: list[int]) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    drag(page, d, onto=b)
    expect_order(page, a, d, b, c)
    stack.until(lambda: order(stack) == [a, d, b, c])
    drag(page, a, onto=c)
    expect_order(page, d, b, c, a)
    stack.until(lambda: order(stack) == [d, b, c, a])
    drag(page, b, onto=b)
    expect_order(page, d, b, c, a)


@pytest.mark.full
def test_a_drag_outlives_changes_of_the_queue_and_escape_takes_it_back(
    page: Page, stack: Stack, waiting: list[int]
) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    drag(page, d, onto=b, drop=False)
    stack.client.cancel(c)
    expect(page.locator("#counts")).to_contain_text("3 queued")  # the page has heard of it
    expect(row(page, d)).to_have_class(re.compile("dragging"))
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("Escape")
    expect_order(page, a, b, d)
    page.mouse.up()
    assert order(stack) == [a, b, d]
    drag(page, d, onto=a, drop=False)
    stack.client.cancel(b)
    expect(page.locator("#counts")).to_contain_text("2 queued")
    page.mouse.up()
    expect_order(page, d, a)
    stack.until(lambda: order(stack) == [d, a])


def test_a_typed_priority_is_set_by_enter(page: Page, stack: Stack, waiting: list[int]) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    field = row(page, c).get_by_label(f"Priority of run {c}")
    field.fill("7")
    field.press("Enter")
    expect_order(page, c, a, b, d)
    expect(field).to_be_focused()
    assert stack.client.run(c)["priority"] == 7
    field.fill("12")
    field.press("Escape")
    expect(field).to_have_value("7")
    field.fill("-3")
    row(page, a).locator(".position").click()  # to leave the field sends it, too
    expect_order(page, a, b, d, c)
    assert stack.client.run(c)["priority"] == -3


@pytest.mark.full
def test_a_priority_that_cannot_be_is_told_and_stays_to_be_mended(
    page: Page, stack: Stack, waiting: list[int]
) -> None:
    open_workers(page, *waiting)
    field = row(page, waiting[2]).locator("input")
    for wrong in ("1001", "1.5"):
        field.fill(wrong)
        field.press("Enter")
        expect(page.locator("[data-notice=bad]")).to_contain_text(
            f"The priority is “{wrong}”; it must be a whole number from -1000 to 1000."
        )
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_value(wrong)
    field.fill("5")
    field.press("Enter")
    expect(field).not_to_have_attribute("aria-invalid", "true")
    stack.until(lambda: stack.client.run(waiting[2])["priority"] == 5)


def test_a_queue_that_changes_under_a_typed_priority_keeps_text_and_focus(
    page: Page, stack: Stack, waiting: list[int]
) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    field = row(page, c).locator("input")
    field.press("Control+A")
    field.press_sequentially("42")
    stack.client.move(d, before=a)
    stack.client.cancel(b)
    e = stack.launch(epochs=1)
    expect_order(page, d, a, c, e)
    stack.client.move(c, before=d)
    expect_order(page, c, d, a, e)
    expect(field).to_be_focused()
    expect(field).to_have_value("42")
    stack.client.prioritize(c, 3)
    expect_order(page, c, d, a, e)
    field.press("0")
    expect(field).to_have_value("420")
    field.press("Enter")
    stack.until(lambda: stack.client.run(c)["priority"] == 420)


def test_the_queue_is_paused_and_resumed(page: Page, stack: Stack) -> None:
    page.goto("/workers")
    state = page.locator("#queue-state")
    expect(state).to_have_text("flowing")
    page.get_by_role("button", name="Pause the queue").click()
    expect(state).to_have_text(re.compile(r"paused since \d\d:\d\d"))
    run_id = stack.launch(epochs=1)
    expect(row(page, run_id)).to_contain_text("The queue has been paused for")
    expect(row(page, run_id).locator(".start-cell")).to_have_text("—")
    stack.until(lambda: worker_state(stack) == "idle")  # what a test before this one left may still be ending
    assert stack.state(run_id) == "queued"
    page.get_by_role("button", name="Resume the queue").click()
    expect(state).to_have_text("flowing")
    expect(row(page, run_id)).to_have_count(0, timeout=LIMIT_MS)
    assert stack.wait_for_end(run_id)["state"] == "completed"


def test_a_paused_queue_and_drained_workers_are_told_on_the_other_pages(page: Page, stack: Stack) -> None:
    page.goto("/")
    warning = page.locator("#worker-warning")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    expect(warning).to_be_hidden()
    drain(stack, wanted=True)
    run_id = stack.launch(epochs=1)
    expect(warning).to_contain_text("All workers are drained or leaving: 1 queued run waits.")
    stack.client.pause()
    stack.client.cancel(run_id)
    expect(warning).to_contain_text(
        re.compile(r"The queue is paused since \d\d:\d\d: a run that you launch will wait\.")
    )
    warning.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/workers$"))
    expect(page.get_by_role("button", name="Resume the queue")).to_be_visible()
    expect(warning).to_be_hidden()


def test_a_worker_is_drained_and_takes_runs_again(page: Page, stack: Stack) -> None:
    running, next_run = stack.launch(epochs=5000), stack.launch(epochs=1)
    page.goto("/workers")
    worker = page.locator(".worker")
    expect(worker).to_have_attribute("data-state", "busy", timeout=LIMIT_MS)
    button = worker.locator("[data-action=drain]")
    button.focus()
    page.keyboard.press("Enter")
    expect(worker).to_have_attribute("data-state", "draining")
    expect(button).to_be_focused()
    expect(button).to_have_text("Take runs again")
    expect(worker).to_contain_text("Takes no more after this run.")
    expect(row(page, next_run)).to_contain_text("All workers are drained or leaving.")
    stack.client.cancel(running)
    expect(worker).to_have_attribute("data-state", "drained", timeout=LIMIT_MS)
    assert stack.state(next_run) == "queued"
    button.click()
    expect(row(page, next_run)).to_have_count(0, timeout=LIMIT_MS)
    expect(button).to_have_text("Drain")
    assert stack.wait_for_end(next_run)["state"] == "completed"


def test_a_run_is_cancelled_out_of_the_queue(page: Page, stack: Stack, waiting: list[int]) -> None:
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    row(page, b).locator("[data-action=cancel]").click()
    expect_order(page, a, c, d)
    assert stack.state(b) == "cancelled"
    expect(page.locator("#queue-count")).to_have_text("3 runs wait")


@pytest.mark.full
def test_a_move_of_a_run_that_is_gone_is_told_and_the_page_shows_what_is_there(
    page: Page, stack: Stack, waiting: list[int], allowed_messages: list[str]
) -> None:
    allowed_messages.append("409")
    a, b, c, d = waiting
    open_workers(page, a, b, c, d)
    page.route("**/api/queue?*", lambda route: route.abort())  # the page does not hear of it
    allowed_messages.append("ERR_FAILED")
    stack.client.cancel(d)
    row(page, d).locator("[data-step=first]").click()
    expect(page.locator("[data-notice=bad]")).to_contain_text(f"Run {d} is cancelled; it must be queued")
    page.unroute("**/api/queue?*")
    expect_order(page, a, b, c)


@pytest.mark.full
def test_the_first_hundred_of_a_long_queue_are_shown_and_all_on_demand(page: Page, stack: Stack) -> None:
    stack.client.pause()
    overrides = {"dataset": {"name": "shapes"}, "epochs": 1}
    ids = stack.client.launch(
        preset="softmax-original", size="quick", overrides=overrides, seeds=list(range(130))
    )["runs"]
    open_workers(page, *ids[:100])
    expect(page.locator("#shown")).to_have_text("The first 100 are shown")
    row(page, ids[99]).locator("[data-step=down]").click()  # behind the first that is not shown
    expect_order(page, *ids[:99], ids[100])
    stack.until(lambda: order(stack)[99:102] == [ids[100], ids[99], ids[101]])
    page.get_by_role("button", name="Show all 130").click()
    expect_order(page, *ids[:99], ids[100], ids[99], *ids[101:])
    expect(page).to_have_url(re.compile(r"/workers\?all$"))
    row(page, ids[129]).locator("[data-step=first]").click()
    expect_order(page, ids[129], *ids[:99], ids[100], ids[99], *ids[101:129])
    expect(row(page, ids[129]).locator("[data-step=first]")).to_be_focused()
    header = page.locator("header").bounding_box()
    moved = row(page, ids[129]).bounding_box()
    assert header is not None
    assert moved is not None
    assert moved["y"] >= header["y"] + header["height"], "the moved row lies under the header"
    stack.until(lambda: order(stack)[0] == ids[129])


def test_hostile_text_in_the_queue_is_only_text(page: Page, stack: Stack) -> None:
    stack.client.pause()
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    overrides = {"dataset": {"name": "shapes"}, "epochs": 1}
    stack.client.launch(preset="softmax-original", size="quick", overrides=overrides, name=hostile)
    page.goto("/workers")
    expect(rows(page)).to_contain_text(["<script>"])
    assert page.locator("main img, main script").count() == 0
    assert page.title() != "owned"


@pytest.mark.full
@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("width", [375, 800, 1280])
def test_the_page_fits_every_width_with_all_its_actions(
    page: Page, stack: Stack, waiting: list[int], width: int
) -> None:
    a, b, c, d = waiting
    page.set_viewport_size({"width": width, "height": 800})
    open_workers(page, a, b, c, d)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    last = row(page, d)
    for action in ("[data-step=first]", "[data-step=down]", "[data-action=cancel]", "input", "[data-handle]"):
        expect(last.locator(action)).to_be_visible()
    last.locator("[data-step=first]").click()
    expect_order(page, d, a, b, c)
    drag(page, a, onto=b)
    expect_order(page, d, b, a, c)
    stack.until(lambda: order(stack) == [d, b, a, c])


@pytest.mark.full
def test_nothing_jumps_while_the_page_refreshes(page: Page, stack: Stack, waiting: list[int]) -> None:
    open_workers(page, *waiting)
    places = "[...document.querySelectorAll('.worker > *, #queue-rows td, #pause')].map(x => { const r = x.getBoundingClientRect(); return [r.x, r.y, r.width].map(Math.round).join() }).join(' ')"
    before = page.evaluate(places)
    heard = page.locator(".worker .heard")
    seen = {heard.inner_text()}
    with page.expect_response("**/api/workers"), page.expect_response("**/api/queue?*"):
        pass
    for _ in range(2):
        expect(heard).not_to_have_text(next(iter(seen)))
        seen = {heard.inner_text()}
        assert page.evaluate(places) == before


@pytest.mark.full
def test_a_service_without_workers_says_how_to_start_one(browser: Browser, tmp_path: Path) -> None:
    with (
        Stack(tmp_path / "home", workers=0) as stack,
        closing(browser.new_context(base_url=f"http://127.0.0.1:{stack.port}")) as context,
    ):
        log_in(context, stack.token_file.read_text().strip())
        run_id = stack.launch(epochs=1)
        page = context.new_page()
        page.goto("/workers")
        expect(page.locator("#no-workers")).to_contain_text("runyard up")
        expect(row(page, run_id)).to_contain_text("No worker has been seen yet.")
        page.goto("/")
        expect(page.locator("#worker-warning")).to_contain_text("Start one with runyard up")


# Workers that fell silent: a service of the test's own, in which nothing moves.


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Silence]:
    with pytest.MonkeyPatch.context() as patch, silence(tmp_path_factory.mktemp("silent"), patch) as there:
        yield there


def worker(page: Page, kind: str) -> Locator:
    return page.locator(f".worker[data-worker='{WORKERS[kind]}']")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_stale_and_lost_workers_say_since_when_and_what_becomes_of_their_runs(
    browser: Browser, silent: Silence, colours: str, width: int
) -> None:
    with looking_at(silent, browser, colours, width) as page:
        page.goto("/workers")
        expect(page.locator("#overview")).to_have_text(
            re.compile("5 workers: 1 trains, 1 is idle, 1 is stale, 2 are lost")
        )
        stale = worker(page, "stale")
        expect(stale.locator(".state")).to_have_text("stale")  # by a word, not by colour alone
        expect(stale).to_contain_text("Neither it nor its run has been heard of since")
        expect(stale).to_contain_text(
            re.compile(r"goes back to the queue at .*\d\d:\d\d:\d\d, unless it is heard of")
        )
        expect(stale.locator(".heard")).to_have_text(re.compile(r"last heard of 4\d min ago"))
        expect(stale.get_by_role("link")).to_have_attribute("href", f"/runs/{silent.stale}")
        lost = worker(page, "lost")
        expect(lost.locator(".state")).to_have_text("lost")
        expect(lost).to_contain_text(re.compile(r"Lost since .*\d\d:\d\d"))
        expect(lost.locator(".heard")).to_have_text("last heard of 3 h ago")
        expect(lost).to_contain_text(f"It had run {silent.waits}, run 0, which is back in the queue.")
        expect(lost.get_by_role("link")).to_have_attribute("href", f"/runs/{silent.waits}")
        expect(worker(page, "lost without a run").get_by_role("link")).to_have_count(0)
        for kind in ("lost", "lost without a run"):
            expect(worker(page, kind).get_by_role("button", name="Forget")).to_be_visible()
        for kind in ("busy", "idle", "stale"):
            expect(worker(page, kind).get_by_role("button", name="Forget")).to_be_hidden()
        expect(row(page, silent.waits)).to_contain_text(
            re.compile(r"tries again in \d+ min, after loss 2 of 3")
        )
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_lost_worker_is_forgotten_and_the_focus_is_not_lost(browser: Browser, silent: Silence) -> None:
    with looking_at(silent, browser) as page:
        page.goto("/workers")
        gone = worker(page, "lost without a run")
        gone.get_by_role("button", name="Forget").focus()
        page.keyboard.press("Enter")
        expect(gone).to_have_count(0)
        expect(page.locator("#workers-section")).to_be_focused()
        expect(page.locator(".worker")).to_have_count(4)


def test_what_keeps_runs_from_starting_is_told_as_it_is(page: Page) -> None:
    page.goto("/workers")
    told = page.evaluate(
        """async () => {
        const { workerWarning } = await import('/static/standing.js');
        const seen = new Date(Date.now() - 120_000).toISOString();
        const crews = [['stale', 'drained'], ['lost', 'drained'], ['lost', 'stale'], []];
        return crews.map((states) => workerWarning({ counts: { queued: 1 }, paused_at: null,
          workers: states.map((state) => ({ id: state, state, takes_runs: false, last_seen: seen })) }, Date.now()).text);
    }"""
    )
    assert told == [
        "No worker takes runs, as all are drained, leaving or stale: 1 queued run waits.",
        "All workers are drained or leaving: 1 queued run waits.",
        "No worker has been seen for 2 min: 1 queued run waits.",
        "No worker has been seen yet: 1 queued run waits.",
    ]
