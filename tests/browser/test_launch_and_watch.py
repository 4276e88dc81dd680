"""The main job in a real browser: launch, watch, cancel."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.processes.stack import Stack

LIMIT_MS = 60_000


def open_launch(page: Page) -> None:
    page.goto("/")
    page.get_by_role("link", name="Launch", exact=True).click()
    page.locator("input[name=preset][value=softmax-original]").check(force=True)
    page.locator("#field-dataset-name").select_option("shapes")


def submit(page: Page) -> int:
    """Send the form for one run; return its id."""
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    return int(page.url.rpartition("/")[2])


def test_a_run_is_launched_watched_and_completed(page: Page, stack: Stack) -> None:
    open_launch(page)
    page.locator("#field-epochs").fill("15")
    run_id = submit(page)
    # Live: epochs come in while the page is open, and the curves are drawn.
    expect(page.locator("#epochs tr[data-epoch='1']")).to_be_visible(timeout=LIMIT_MS)
    expect(page.locator(".plot[data-figure=accuracy] .main-svg").first).to_be_visible(timeout=LIMIT_MS)
    expect(page.locator("#epochs tr[data-epoch='15']")).to_be_visible(timeout=LIMIT_MS)
    expect(page.locator("#state")).to_contain_text("completed", timeout=LIMIT_MS)
    expect(page.locator("#log div[data-line]", has_text="epoch 15:")).to_be_visible()
    drawn = page.evaluate(
        "document.querySelector('.plot[data-figure=accuracy]').data.map(trace => trace.y.length)"
    )
    assert drawn == [15, 15]
    stored = stack.numbers(run_id)["test_acc"]
    shown = page.locator("#epochs tr[data-epoch='15'] td[data-metric=test_acc]").inner_text()
    assert shown == f"{100 * (stored[-1] or 0):.1f}"


def test_a_running_run_is_cancelled_on_the_page(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=5000)
    page.goto("/?by=runs")
    row = page.locator(f"tr[data-run='{run_id}']")
    expect(row).to_have_attribute("data-state", "running", timeout=LIMIT_MS)
    row.locator("[data-action=cancel]").click()
    row.locator("[data-action=confirm-cancel]").click()
    expect(row).to_have_attribute("data-state", "cancelled", timeout=LIMIT_MS)
    assert stack.state(run_id) == "cancelled"


@pytest.mark.full
def test_a_queued_run_is_cancelled_on_the_page(page: Page, stack: Stack) -> None:
    running, queued = stack.launch(epochs=5000), stack.launch(epochs=1)
    page.goto("/?by=runs")
    row = page.locator(f"tr[data-run='{queued}']")
    row.locator("[data-action=cancel]").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    stack.client.cancel(running)
    stack.wait_for_end(running)


@pytest.mark.full
def test_three_seeds_are_three_runs(page: Page, stack: Stack) -> None:
    open_launch(page)
    page.locator("#field-epochs").fill("1")
    page.locator("#field-seeds").fill("0-2")
    expect(page.locator("#launch-submit")).to_contain_text("Launch 3 runs")
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/$"))
    runs = stack.client.runs(limit=3)["runs"]
    assert sorted(stack.wait_for_end(run["id"])["seed"] for run in runs) == [0, 1, 2]


def test_the_address_of_the_old_form_leads_to_the_page(page: Page) -> None:
    page.goto("/#launch")
    expect(page).to_have_url(re.compile(r"/launch$"))
    expect(page.locator("#launch-form")).to_be_visible()


def test_a_run_that_does_not_exist_says_so(page: Page, allowed_messages: list[str]) -> None:
    allowed_messages.append("404")
    page.goto("/runs/999999")
    expect(page.locator("#missing")).to_be_visible()
