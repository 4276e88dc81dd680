"""The Runs page: recipes as rows, their seeds under them, and what is chosen to be compared."""

import contextlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import log_in
from tests.processes.stack import Stack

LIMIT_MS = 60_000
HOSTILE = '<img src=x onerror="document.title=\'owned\'"><b>bold</b> & "quoted"'


def launch_seeds(
    stack: Stack, batch: int, count: int, name: str | None = None, **changes: object
) -> list[int]:
    """Queue short runs of one recipe that no other test has, known by the size of its test batch."""
    overrides = {
        "dataset": {"name": "shapes", "train_limit": 500, "test_limit": 200},
        "epochs": 2,
        "eval_batch_size": batch,
        **changes,
    }
    return stack.client.launch(
        preset="softmax-original", overrides=overrides, seeds=list(range(count)), name=name
    )["runs"]


def recipe_of(stack: Stack, run_id: int) -> str:
    return stack.client.run(run_id)["recipe"]


def body(page: Page, stack: Stack, run_id: int):
    return page.locator(f"tbody[data-recipe='{recipe_of(stack, run_id)}']")


def test_three_seeds_are_one_row_that_opens_to_its_runs(page: Page, stack: Stack) -> None:
    runs = launch_seeds(stack, 301, 3)
    for run_id in runs:
        stack.wait_for_end(run_id)
    page.goto("/")
    rows = body(page, stack, runs[0])
    main = rows.locator("tr").first
    expect(main.locator(".state")).to_have_text("3 completed")
    expect(main.locator(".accuracy-cell")).to_contain_text(
        re.compile(r"^\d+\.\d(± \d+\.\d|no spread) · 3 seeds$")
    )
    expect(rows.locator("tr")).to_have_count(1)
    rows.get_by_role("button", expanded=False).click()
    expect(rows.locator("tr.seed .title a")).to_have_text(["seed 0", "seed 1", "seed 2"])
    stored = [stack.client.run(run_id)["last"]["metrics"]["test_acc"] for run_id in runs]
    shown = rows.locator("tr.seed .accuracy-cell > span").all_inner_texts()
    assert shown == [f"{100 * value:.1f}" for value in stored]
    page.reload()  # what is open stands in the address
    expect(rows.locator("tr.seed")).to_have_count(3)
    rows.get_by_role("button", expanded=True).click()
    expect(rows.locator("tr.seed")).to_have_count(0)


def test_a_recipe_with_one_run_is_that_run(page: Page, stack: Stack) -> None:
    (run_id,) = launch_seeds(stack, 302, 1)
    stack.wait_for_end(run_id)
    page.goto("/")
    row = page.locator(f"tr[data-run='{run_id}']")
    expect(row.locator(".accuracy-cell")).to_contain_text("1 seed")
    expect(row.get_by_role("button", expanded=False)).to_have_count(0)
    row.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/runs/{run_id}$"))


def test_an_open_recipe_stays_open_and_in_its_place_while_events_come(page: Page, stack: Stack) -> None:
    first, second = launch_seeds(stack, 303, 2, epochs=5000)
    (other,) = launch_seeds(stack, 304, 1)
    stack.until(lambda: stack.epochs_done(first) >= 1)
    page.goto("/")
    rows = body(page, stack, first)
    rows.get_by_role("button", expanded=False).click()
    running, queued = (rows.locator(f"tr[data-run='{run_id}']") for run_id in (first, second))
    expect(running.locator(".state")).to_contain_text("epoch")
    order = page.locator("#by-recipes tbody").evaluate_all("all => all.map(body => body.dataset.recipe)")
    running.evaluate("row => { row.marked = true; }")
    seen = stack.epochs_done(first)
    stack.until(lambda: stack.epochs_done(first) > seen + 5)
    stack.client.cancel(first)
    expect(running).to_have_attribute("data-state", "cancelled", timeout=LIMIT_MS)
    expect(queued).to_have_attribute("data-state", "running", timeout=LIMIT_MS)
    expect(rows.locator("tr").first.locator(".state")).to_have_text("1 running, 1 cancelled")
    assert running.evaluate("row => row.marked") is True  # the very row, changed in place
    assert (
        page.locator("#by-recipes tbody").evaluate_all("all => all.map(body => body.dataset.recipe)") == order
    )
    stack.client.cancel(second)
    stack.wait_for_end(other)


@pytest.mark.full
def test_no_new_row_moves_the_others_away_under_the_pointer(page: Page, stack: Stack) -> None:
    (there,) = launch_seeds(stack, 305, 1)
    page.goto("/")
    row = page.locator(f"tr[data-run='{there}']")
    row.hover(position={"x": 60, "y": 10})
    (new,) = launch_seeds(stack, 306, 1)
    expect(page.locator("#overview")).to_contain_text("1 more when the pointer leaves the table")
    expect(page.locator(f"tr[data-run='{new}']")).to_have_count(0)
    page.mouse.move(2, 2)
    expect(page.locator("#by-recipes tbody").first.locator("tr")).to_have_attribute("data-run", str(new))
    expect(page.locator("#overview")).not_to_contain_text("more when")


def test_rows_are_chosen_by_keys_and_compared(page: Page, stack: Stack) -> None:
    seeds = launch_seeds(stack, 307, 2)
    (single,) = launch_seeds(stack, 308, 1)
    for run_id in (*seeds, single):
        stack.wait_for_end(run_id)
    page.goto("/?q=shapes")
    expect(body(page, stack, seeds[0])).to_be_visible()
    expect(page.locator("#compare-text")).to_have_text("Compare")
    page.keyboard.press("j")
    expect(page.locator(f"tr[data-run='{single}'] a")).to_be_focused()
    page.keyboard.press("x")
    page.keyboard.press("j")
    expect(body(page, stack, seeds[0]).get_by_role("button")).to_be_focused()
    page.keyboard.press("Enter")  # opens its seeds
    expect(body(page, stack, seeds[0]).locator("tr.seed")).to_have_count(2)
    page.keyboard.press("x")
    expect(page.locator("#compare-text")).to_have_text("Compare 2")
    expect(body(page, stack, seeds[0]).locator("input:checked")).to_have_count(3)
    page.keyboard.press("c")
    expect(page).to_have_url(re.compile("/compare\\?" + "&".join(f"run={n}" for n in (*seeds, single)) + "$"))
    expect(page.locator("#results tr")).to_have_count(2)


@pytest.mark.full
def test_a_single_seed_can_be_left_out_of_what_is_chosen(page: Page, stack: Stack) -> None:
    seeds = launch_seeds(stack, 309, 3)
    page.goto("/")
    rows = body(page, stack, seeds[0])
    rows.get_by_role("button", expanded=False).click()
    main = rows.locator("tr").first.get_by_role("checkbox")
    main.check()
    rows.locator(f"tr[data-run='{seeds[1]}']").get_by_role("checkbox").uncheck()
    assert main.evaluate("box => box.indeterminate") is True
    expect(page.locator("#compare")).to_have_attribute("href", f"/compare?run={seeds[0]}&run={seeds[2]}")
    page.get_by_role(
        "button", name="Runs", exact=True
    ).click()  # the choice is of runs, whatever the rows are
    expect(page.locator(f"tr[data-run='{seeds[0]}'] >> visible=true").get_by_role("checkbox")).to_be_checked()
    expect(page.locator("#compare-text")).to_have_text("Compare 2")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#compare")).to_have_attribute("href", "/compare")


def test_the_filter_and_the_kind_of_rows_stand_in_the_address(page: Page, stack: Stack) -> None:
    (found,) = launch_seeds(stack, 310, 1, name="needle in hay")
    (other,) = launch_seeds(stack, 311, 1, name="only hay")
    page.goto("/")
    expect(page.locator("#filter")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("NEEDLE hay")
    expect(page.locator(f"tr[data-run='{found}']")).to_be_visible()
    expect(page.locator(f"tr[data-run='{other}']")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"\?q=NEEDLE\+hay$"))
    page.get_by_role("button", name="Runs", exact=True).click()
    page.reload()
    expect(page).to_have_url(re.compile(r"\?by=runs&q=NEEDLE\+hay$"))
    expect(page.locator("#by-runs")).to_be_visible()
    expect(page.locator("#by-recipes")).to_be_hidden()
    expect(page.locator("#by-runs tr[data-run]:visible")).to_have_count(1)
    page.locator("#filter").fill("nothing like this")
    expect(page.locator("#no-match")).to_have_text("No run matches “nothing like this”.")
    page.locator("#filter").press("Escape")  # the text, what it filters, and the field
    expect(page.locator("#filter")).to_have_value("")
    expect(page.locator("#filter")).not_to_be_focused()
    expect(page).to_have_url(re.compile(r"\?by=runs$"))
    expect(page.locator(f"#by-runs tr[data-run='{other}']")).to_be_visible()


def test_ticked_runs_that_are_not_over_are_cancelled_after_one_question(page: Page, stack: Stack) -> None:
    (running,) = launch_seeds(stack, 314, 1, epochs=5000)
    stack.until(lambda: stack.state(running) == "running")
    queued = launch_seeds(stack, 315, 2)
    page.goto("/")
    rows = body(page, stack, queued[0])
    expect(page.locator("#cancel-chosen button:visible")).to_have_count(0)
    rows.locator("tr").first.get_by_role("checkbox").check()
    body(page, stack, running).get_by_role("checkbox").check()
    cancel = page.get_by_role("button", name="Cancel 3 of the ticked ones")
    cancel.click()
    page.get_by_role("button", name="Keep").click()
    assert stack.state(queued[0]) == "queued"
    cancel.click()
    page.get_by_role("button", name="Stop 3 runs").click()
    for run_id in (running, *queued):
        assert stack.wait_for_end(run_id)["state"] == "cancelled"
    expect(page.locator("#cancel-chosen button:visible")).to_have_count(0)


@pytest.mark.full
def test_older_recipes_are_loaded_and_a_search_finds_what_is_not_loaded(page: Page, stack: Stack) -> None:
    body = {
        "preset": "softmax-original",
        "overrides": {"dataset": {"name": "shapes", "train_limit": 100, "test_limit": 100}, "epochs": 1},
        "grid": {"eval_batch_size": list(range(600, 652))},
        "name": "paged",
    }
    token = stack.token_file.read_text().strip()
    answer = page.request.post("/api/launches", data=body, headers={"Authorization": f"Bearer {token}"})
    runs = answer.json()["runs"]
    assert len(runs) == 52
    page.goto("/?q=paged")
    rows = page.locator("#by-recipes tr[data-run]:visible")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Load older").click()
    expect(rows).to_have_count(52)
    expect(page.get_by_role("button", name="Load older")).to_be_hidden()
    page.goto("/")
    expect(page.locator(f"tr[data-run='{runs[-1]}']")).to_be_visible()
    expect(page.locator(f"tr[data-run='{runs[0]}']")).to_have_count(0)
    page.locator("#filter").fill(f"#{runs[0]}")
    expect(page.locator(f"tr[data-run='{runs[0]}']")).to_be_visible()
    with page.expect_response(lambda answer: "/api/runs?" in answer.url and "q=paged" in answer.url) as found:
        page.goto("/?by=runs&q=paged")
    assert [run["id"] for run in found.value.json()["runs"]] == runs[::-1]
    expect(page.locator("#by-runs tr[data-run]:visible")).to_have_count(52)


def test_keys_lead_to_the_other_pages_and_an_old_address_to_the_launch_form(page: Page) -> None:
    for key, path in (("n", "/launch"), ("w", "/workers"), ("r", "/report")):
        page.goto("/")
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        page.keyboard.press(key)
        expect(page).to_have_url(re.compile(f"{path}$"))
    page.goto("/#launch")
    expect(page).to_have_url(re.compile("/launch$"))


@pytest.mark.full
def test_hostile_names_of_recipes_are_only_text(page: Page, stack: Stack) -> None:
    runs = launch_seeds(stack, 312, 2, name=HOSTILE)
    page.goto("/")
    rows = body(page, stack, runs[0])
    expect(rows.get_by_role("button", expanded=False)).to_have_text(HOSTILE)
    rows.get_by_role("button", expanded=False).click()
    expect(rows.locator("tr.seed")).to_have_count(2)
    page.goto("/?q=%3Cimg+onerror")
    expect(rows).to_be_visible()
    assert page.locator("main img, main b").count() == 0
    assert page.title() != "owned"


def test_a_phone_shows_open_recipes_without_scrolling_sideways(page: Page, stack: Stack) -> None:
    runs = launch_seeds(stack, 313, 2, name="a name without any space in it " + "x" * 60)
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto("/")
    rows = body(page, stack, runs[0])
    rows.get_by_role("button", expanded=False).click()
    expect(rows.locator("tr.seed")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_empty_store_offers_a_quick_run_at_one_click(browser: Browser, tmp_path: Path) -> None:
    with Stack(tmp_path / "home", lease_seconds=10, poll_seconds=0.5) as empty:
        context = browser.new_context(base_url=f"http://127.0.0.1:{empty.port}")
        with contextlib.closing(context):
            log_in(context, empty.token_file.read_text().strip())
            page = context.new_page()
            page.goto("/")
            expect(page.locator("#empty")).to_be_visible()
            expect(page.get_by_role("link", name="Choose a preset…")).to_have_attribute("href", "/launch")
            page.get_by_role("button", name="Launch a quick run").click()
            row = page.locator("#by-recipes tr[data-run='1']")
            expect(row).to_be_visible()
            expect(page.locator("#empty")).to_be_hidden()
            expect(row).to_have_attribute("data-state", "completed", timeout=LIMIT_MS)
            assert empty.wait_for_end(1)["state"] == "completed"
