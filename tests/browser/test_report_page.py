"""The report in a real browser: it fills while it is watched, and asks before hours of training."""

import re

import pytest
from playwright.sync_api import Page, expect

from backend.catalog.reports import REPORT
from backend.reporting import Variant, plan_report
from tests.processes.stack import Stack

LIMIT_MS = 60_000
VARIANT = "size=quick&dataset=shapes&pretraining=glyphs"
EXPERIMENTS = ["1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "3.3"]
LONG = "size=published&dataset=shapes&pretraining=glyphs"


def launch_the_pixels(stack: Stack, **changes: object) -> int:
    """Launch experiment 3.3 of the quick report alone, by its recipe; return its run."""
    plan = plan_report(Variant(REPORT, "quick", "shapes", "glyphs"))
    spec = plan.cells["softmax-original"].spec.model_dump(mode="json")
    return stack.client.launch(spec={**spec, **changes})["runs"][0]


def test_the_whole_outline_stands_before_anything_is_trained(page: Page) -> None:
    page.goto(f"/report?{VARIANT}&seed=9")
    expect(page.locator("article.experiment")).to_have_count(7)
    assert page.locator("article.experiment").evaluate_all("found => found.map(one => one.id)") == EXPERIMENTS
    for place in ("0.1", "0.2", "1.3", "2.3", "3.4", "S", "R"):
        expect(page.locator(f"[id='{place}']")).to_have_count(1)
        expect(page.locator(f"#contents a[href='#{place}']")).to_have_count(1)
    expect(page.locator("#nothing")).to_be_visible()
    expect(page.locator("#run-missing-text")).to_have_text(re.compile(r"Run what is missing \(\d+\)"))
    unreadable = page.locator("[id='2.1'] tr[data-epoch='2'] [data-published=train_loss]")
    expect(unreadable).to_have_text("·")
    expect(unreadable).to_have_attribute("title", "unreadable in the published copy")
    says = page.locator("[id='1.1'] .faithful")
    expect(says.locator("summary")).to_have_text(re.compile("What the report says, and .* leaves open"))
    expect(says.locator(".left-open dt").first).to_have_text("Which AlexNet")
    # Nothing is measured: a dash, never a zero.
    measured = page.locator("[data-measured], [data-delta]").all_inner_texts()
    assert set(measured) == {"—", ""}  # beside what cannot be read, nothing
    assert set(page.locator("[data-measured]").all_inner_texts()) == {"—"}


def test_an_experiment_fills_while_the_report_is_watched(page: Page, stack: Stack) -> None:
    page.goto(f"/report?{VARIANT}&seed=0")
    block = page.locator("[id='3.3']")
    expect(block).to_have_attribute("data-state", "missing")
    block.scroll_into_view_if_needed()
    block.locator(".protocol summary").first.click()
    page.evaluate("window.seen = document.getElementById('3.3').querySelector('tr[data-epoch=\"1\"]')")
    run_id = launch_the_pixels(stack)
    expect(block).to_have_attribute("data-state", "completed", timeout=LIMIT_MS)
    expect(block.get_by_role("link", name=f"run {run_id}")).to_be_visible()
    # Not by colour alone: the article has its title for a name, the contents say the state.
    expect(
        page.get_by_role("article", name=re.compile("^3.3 ?Softmax regression on the pixels$"))
    ).to_have_count(1)
    expect(page.locator("#contents a[href='#3.3']")).to_contain_text("completed")
    expect(block.locator(".plot .main-svg").first).to_be_visible()
    stored = stack.numbers(run_id)["test_acc"]
    for epoch in (1, 10):
        cell = block.locator(f"tr[data-epoch='{epoch}'] [data-value=test_acc]")
        expect(cell).to_have_text(f"{100 * (stored[epoch - 1] or 0):.1f}")
    # In place: the row is the one that was there, and what was opened is open.
    assert page.evaluate("window.seen.isConnected")
    assert block.locator("details.protocol").first.get_attribute("open") is not None
    drawn = page.evaluate(
        "document.querySelector('.plot[data-figure=\"3.3\"]').data.find(one => one.meta.source === 'measured').y.length"
    )
    assert drawn == 10


@pytest.mark.full
def test_a_seed_is_chosen_in_the_address(page: Page, stack: Stack) -> None:
    run_id = launch_the_pixels(stack, seed=5)
    page.goto(f"/report?{VARIANT}&seed=4")
    expect(page.locator("[id='3.3']")).to_have_attribute("data-state", "missing")
    page.locator("#seed").fill("5")
    page.locator("#seed").press("Enter")
    expect(page).to_have_url(re.compile("seed=5"))
    expect(page.locator("[id='3.3']").get_by_role("link", name=f"run {run_id}")).to_be_visible()
    page.go_back()
    expect(page.locator("#seed")).to_have_value("4")
    expect(page.locator("[id='3.3']")).to_have_attribute("data-state", "missing")


def test_hours_of_training_are_asked_about_and_a_no_launches_nothing(page: Page, stack: Stack) -> None:
    before = stack.client.runs(limit=1)["runs"]
    page.goto(f"/report?{LONG}&seed=8")
    expect(page.locator("#run-missing")).to_be_enabled()
    page.keyboard.press("m")
    dialog = page.locator("dialog#confirm")
    expect(dialog).to_be_visible()
    expect(dialog).to_contain_text(re.compile("on a CPU"))
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert [run["id"] for run in stack.client.runs(limit=1)["runs"]] == [run["id"] for run in before]


@pytest.mark.full
def test_hours_of_training_are_launched_once_after_a_yes(page: Page, stack: Stack) -> None:
    blocker = stack.launch(epochs=5000)
    stack.until(lambda: stack.state(blocker) == "running")
    before = len(stack.client.runs(limit=500)["runs"])
    page.goto(f"/report?{LONG}&seed=7")
    expect(page.locator("#run-missing")).to_be_enabled()
    wanted = int(re.sub(r"\D", "", page.locator("#run-missing-text").inner_text()))
    page.locator("#run-missing").click()
    page.locator("#confirm-yes").dblclick()
    expect(page.locator("[data-notice=good]")).to_contain_text(f"Launched {wanted} runs")
    expect(page.locator("#run-missing")).to_be_disabled()
    assert len(stack.client.runs(limit=500)["runs"]) == before + wanted
    expect(page.locator("[id='3.1'] .block-standing")).to_contain_text(re.compile(r"waits|waiting"))


@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_does_not_scroll_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"/report?{VARIANT}")
    expect(page.locator("article.experiment")).to_have_count(7)
    page.locator(".plot").first.scroll_into_view_if_needed()
    expect(page.locator(".plot .main-svg").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.full
def test_every_page_leads_to_the_report_and_one_key_does_too(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=1)
    for path in ("/", f"/runs/{run_id}"):
        page.goto(path)
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        page.keyboard.press("r")
        expect(page).to_have_url(re.compile("/report$"))
        expect(
            page.get_by_role("navigation", name="Pages").get_by_role("link", name="Report")
        ).to_be_visible()


@pytest.mark.full
def test_a_variant_that_cannot_be_is_told_in_one_sentence(page: Page, allowed_messages: list[str]) -> None:
    allowed_messages.append("422")
    page.goto("/report?size=quick&dataset=shapes&pretraining=shapes")
    expect(page.locator("[data-notice=bad]")).to_contain_text("pretraining is 'shapes'")
    page.get_by_role("link", name="Show the usual variant").click()
    expect(page.locator("article.experiment")).to_have_count(7)
