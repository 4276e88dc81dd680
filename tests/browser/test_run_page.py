"""The page of one run: its family, what can be done once it is over, and what it predicted."""

import re

from playwright.sync_api import Page, expect

from tests.processes.stack import Stack

LIMIT_MS = 60_000


def test_a_child_names_its_parent_and_the_parent_its_child(page: Page, stack: Stack) -> None:
    # A recipe of its own: else the child may start from an equal run that another test has left completed.
    parent = stack.launch(epochs=1, eval_batch_size=101)
    weights = {"source": "parent", "run": parent}
    child = stack.launch(epochs=1, model={"weights": weights, "output_layer": "kept"})
    stack.wait_for_end(child)
    page.goto(f"/runs/{child}")
    line = page.locator("#parent-line")
    expect(line).to_contain_text(f"Starts from run {parent}, Softmax regression on the pixels")
    expect(line.locator(".state")).to_have_text("completed")
    expect(page.locator("#network")).to_contain_text(
        f"run {parent} (Softmax regression on the pixels), epoch 1"
    )
    line.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/runs/{parent}$"))
    expect(page.locator("#children-line")).to_contain_text(f"run {child}, ")
    expect(page.locator("#parent-line")).to_be_hidden()


def test_a_child_waits_for_its_parent_by_number_on_both_pages(page: Page, stack: Stack) -> None:
    parent = stack.launch(epochs=5000, eval_batch_size=102)
    child = stack.launch(
        epochs=1, model={"weights": {"source": "parent", "run": parent}, "output_layer": "kept"}
    )
    page.goto("/")
    expect(page.locator(f"tr[data-run='{child}'] .state")).to_have_text(f"waits for run {parent}")
    page.goto(f"/runs/{child}")
    expect(page.locator("#parent-line")).to_contain_text(f"Waits for run {parent}")
    stack.client.cancel(parent)
    # Live: the parent's end is the child's.
    expect(page.locator("#state")).to_contain_text("failed", timeout=LIMIT_MS)
    expect(page.locator("#failure")).to_contain_text(f"Run {parent}")


def test_a_cancelled_run_is_retried_by_its_button_and_completes(page: Page, stack: Stack) -> None:
    first, run_id = stack.launch(epochs=5000), stack.launch(epochs=3)
    stack.client.cancel(run_id)
    stack.client.cancel(first)
    stack.wait_for_end(first)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("[data-action=resume]")).to_be_hidden()  # it has done no epoch
    page.locator("[data-action=retry]").click()
    expect(page.locator("#state")).to_contain_text("completed", timeout=LIMIT_MS)
    expect(page.locator("#epochs tr[data-epoch='3']")).to_be_visible()
    expect(page.locator("[data-action=retry]")).to_be_hidden()
    assert stack.state(run_id) == "completed"


def test_a_retry_that_sets_curves_aside_asks_first_and_empties_the_page(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=5000)
    stack.until(lambda: stack.epochs_done(run_id) >= 1)
    stack.client.cancel(run_id)
    stack.wait_for_end(run_id)
    blocker = stack.launch(epochs=5000)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#epochs tr[data-epoch='1']")).to_be_visible()
    page.locator("[data-action=retry]").click()
    page.locator("[data-action=confirm-retry]").click()
    expect(page.locator("#state")).to_contain_text("queued")
    expect(page.locator("#epochs tr")).to_have_count(0)
    expect(page.locator("#predictions")).to_be_hidden()
    for one in (run_id, blocker):
        stack.client.cancel(one)
    stack.wait_for_end(blocker)


def test_deleting_a_run_asks_first_and_leads_to_the_list_without_it(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    # What the page had just asked about the run may be answered after its end.
    allowed_messages.append("404")
    run_id = stack.launch(epochs=1)
    stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    page.locator("[data-action=delete]").click()
    page.keyboard.press("Escape")
    expect(page.locator("[data-action=confirm-delete]")).to_be_hidden()
    assert stack.state(run_id) == "completed"
    page.locator("[data-action=delete]").click()
    page.locator("[data-action=confirm-delete]").click()
    expect(page).to_have_url(re.compile("/$"))
    expect(page.locator("#overview")).to_contain_text("run")
    expect(page.locator(f"tr[data-run='{run_id}']")).to_have_count(0)


def test_the_confusion_table_holds_every_test_image_once(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=3)
    run = stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    table = page.get_by_role("table", name="Confusion matrix")
    expect(table).to_be_visible()
    expect(page.locator("#predictions-text")).to_contain_text("Epoch 3, 500 test images")
    rows = table.locator("tbody tr").all()
    counts = [[int(text) for text in row.locator("td:not(.pair)").all_inner_texts()] for row in rows]
    assert sum(map(sum, counts)) == 500
    right = sum(row[place] for place, row in enumerate(counts))
    assert right / 500 == run["last"]["metrics"]["test_acc"]
    page.get_by_role("button", name="Best epoch").click()
    expect(page.locator("#predictions-text")).to_contain_text(f"Epoch {run['best_epoch']},")
