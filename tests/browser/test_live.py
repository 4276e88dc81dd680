"""Live pages: few streams for many tabs, none for hidden ones, and a restart of the server under open pages."""

from playwright.sync_api import BrowserContext, Page, Request, expect

from backend.processes import wait_until
from tests.processes.stack import Stack

TABS = 8
STREAMS = 3
"""As many as frontend/live-slots.js allows: a browser opens six connections to a server."""


def is_stream(request: Request) -> bool:
    return "/api/events?" in request.url


def live(page: Page) -> None:
    expect(page.locator("#link")).to_have_attribute("data-link", "live")


def hide(page: Page, hidden: bool) -> None:
    """Let a tab be told that it is covered; headless browsers show all of theirs."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_eight_tabs_at_once_all_follow_a_run(context: BrowserContext, stack: Stack) -> None:
    streams: list[str] = []
    context.on("request", lambda request: streams.append(request.url) if is_stream(request) else None)
    tabs = [context.new_page() for _ in range(TABS)]
    run_id = stack.launch(epochs=6)
    for number, tab in enumerate(tabs):
        tab.goto("/?by=runs" if number % 2 else f"/runs/{run_id}")
        live(tab)
    assert len(streams) == STREAMS
    assert stack.wait_for_end(run_id)["state"] == "completed"
    for number, tab in enumerate(tabs):
        shown = tab.locator(f"tr[data-run='{run_id}'] .state" if number % 2 else "#state")
        expect(shown).to_contain_text("completed")
    assert len(streams) == STREAMS


def test_a_tab_that_asks_takes_over_the_stream_of_one_that_is_closed(context: BrowserContext) -> None:
    tabs = [context.new_page() for _ in range(STREAMS)]
    for tab in tabs:
        tab.goto("/?by=runs")
        live(tab)
    late = context.new_page()
    late.goto("/?by=runs")
    live(late)
    with late.expect_request(is_stream):
        tabs[0].close()


def test_a_hidden_tab_holds_no_stream_and_misses_nothing(page: Page, stack: Stack) -> None:
    page.goto("/?by=runs")
    live(page)
    ended: list[str] = []
    page.on("requestfailed", lambda request: ended.append(request.url) if is_stream(request) else None)
    page.on("requestfinished", lambda request: ended.append(request.url) if is_stream(request) else None)
    hide(page, hidden=True)
    assert wait_until(lambda: page.evaluate("1") and bool(ended), 120)
    run_id = stack.launch(epochs=2)
    stack.wait_for_end(run_id)
    assert page.locator(f"tr[data-run='{run_id}']").count() == 0
    hide(page, hidden=False)
    expect(page.locator(f"tr[data-run='{run_id}'] .state")).to_contain_text("completed")


def test_a_restart_of_the_server_heals_by_itself_under_open_pages(
    context: BrowserContext, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("net::ERR_")  # nobody answers while it restarts
    run_id = stack.launch(epochs=40)
    stack.until(lambda: stack.epochs_done(run_id) >= 2)
    run_page, runs_page = context.new_page(), context.new_page()
    run_page.goto(f"/runs/{run_id}")
    runs_page.goto("/?by=runs")
    for tab in (run_page, runs_page):
        live(tab)
        # A reload would take this mark away.
        tab.evaluate("window.mark = 'the same page'")
    (service,) = [p for p in stack.descendants() if "backend.main" in p.cmdline()]
    service.terminate()
    expect(runs_page.locator("#link")).to_have_attribute("data-link", "lost")
    expect(runs_page.locator("#link")).to_contain_text("connection lost since")
    for tab in (run_page, runs_page):
        expect(tab.locator("#link")).to_have_attribute("data-link", "live", timeout=60_000)
    assert stack.wait_for_end(run_id)["state"] == "completed"
    expect(run_page.locator("#state")).to_contain_text("completed")
    expect(run_page.locator("#epochs tr")).to_have_count(40)
    expect(runs_page.locator(f"tr[data-run='{run_id}'] .state")).to_contain_text("completed")
    assert [tab.evaluate("window.mark") for tab in (run_page, runs_page)] == ["the same page"] * 2
