"""The panels of the Compare page: two recipes, two trained models, a sweep; and recipes by their address."""

import re

from playwright.sync_api import Page, expect

from backend.analysis.numerals import counted
from tests.browser.test_compare_page import Trained, open_curves, trained, until
from tests.processes.stack import Stack

__all__ = ["trained"]


def test_two_trained_models_are_compared_on_their_images(page: Page, trained: Trained) -> None:
    a, b = trained.fast[0], trained.slowest
    page.goto(trained.address)
    page.locator("#models > summary").click()
    panel = page.locator("#models")
    panel.locator("#models-first").select_option(str(b))
    panel.locator("#models-second").select_option(str(b))
    expect(panel).to_contain_text("Choose two different runs.")
    panel.locator("#models-first").select_option(str(a))
    found = page.request.get(f"/api/compare/models?a={a}&b={b}").json()
    expect(panel.locator(".told")).to_have_text(found["text"])
    table = found["table"]
    expect(panel.locator(".square td.number")).to_have_text(
        [f"{table[name]:,}" for name in ("both_right", "only_first", "only_second", "both_wrong")]
    )
    assert sum(table.values()) == found["images"]
    expect(panel).to_contain_text("the smallest difference that can be shown at 5%")
    expect(panel.locator(".difference tbody tr")).to_have_count(len(found["classes"]))
    expect(panel).to_contain_text(
        f"Only run {a}, seed 0 got these: {counted(found['only_first']['count'], 'image')}"
    )
    pictured = [image for image in found["only_first"]["images"] if image["href"]]
    tiles = panel.locator(".got").first.locator("img")
    if pictured:
        expect(tiles).to_have_count(len(pictured))
        tiles.first.scroll_into_view_if_needed()
        until(page, "document.querySelector('.got img').naturalWidth > 0")
    expect(page).to_have_url(re.compile(rf"models={a}%2C{b}"))
    page.reload()
    expect(panel.locator(".told")).to_have_text(found["text"])


def test_two_models_of_other_images_are_refused_in_the_panel(
    page: Page, stack: Stack, trained: Trained, allowed_messages: list[str]
) -> None:
    allowed_messages.append("409")
    (other,) = stack.client.launch(
        preset="softmax-original",
        overrides={
            "dataset": {"name": "shapes", "train_limit": 100, "test_limit": 100},
            "epochs": 1,
            "eval_batch_size": 405,
        },
        seeds=[0],
    )["runs"]
    assert stack.wait_for_end(other)["state"] == "completed"
    page.goto(f"/compare?run={trained.slow}&run={other}&models={trained.slow},{other}")
    expect(page.locator("#models-found")).to_contain_text(
        f"Runs {trained.slow} and {other} were not tested on the same images"
    )


def test_two_recipes_are_tested_and_what_would_settle_it_is_queued(page: Page, stack: Stack) -> None:
    overrides = {
        "dataset": {"name": "shapes", "train_limit": 300, "test_limit": 200},
        "epochs": 1,
        "eval_batch_size": 406,
    }
    first, second = (
        stack.client.launch(
            preset="softmax-original", overrides={**overrides, "optimizer": {"lr": lr}}, seeds=[0]
        )["runs"][0]
        for lr in (0.1, 0.05)
    )
    for run_id in (first, second):
        assert stack.wait_for_end(run_id)["state"] == "completed"
    page.goto(f"/compare?run={first}&run={second}")
    page.locator("#pair > summary").click()
    panel = page.locator("#pair")
    expect(panel.locator(".told")).to_contain_text("No test: two seeds of each are the least")
    expect(panel.locator("#settle-caution")).to_contain_text("Decide on the number first")
    button = panel.locator("#pair-launch")
    expect(button).to_contain_text("seeds 1 and 2")
    button.dblclick()
    expect(page.locator("[data-notice=good]")).to_contain_text("Launched 4 runs, compared here:")
    new = [run for run in stack.client.runs(limit=10)["runs"] if run["id"] > second]
    assert sorted((run["spec"]["optimizer"]["lr"], run["seed"]) for run in new) == [
        (lr, seed) for lr in (0.05, 0.1) for seed in (1, 2)
    ]
    for run in new:
        assert stack.wait_for_end(run["id"])["state"] == "completed"
    expect(panel.locator("#pair-found")).to_contain_text("Welch’s t-test, decides")
    expect(panel.locator("#pair-found")).to_contain_text("seeds 0, 1, 2")


def test_a_sweep_is_a_scatter_or_parallel_coordinates(page: Page, trained: Trained) -> None:
    open_curves(page, trained.address)
    page.locator("#sweep > summary").click()
    expect(page.locator("#sweep-plot .main-svg").first).to_be_visible()
    data = "document.querySelector('#sweep-plot').data"
    items = page.request.get(f"/api{trained.address}").json()["items"]
    until(page, f"{data}.length === 3")
    assert page.evaluate(f"{data}.map(({{x, y}}) => [x[0], y[0]])") == [
        [lr, item["accuracy"]["mean"]] for lr, item in zip((0.2, 0.02, 0.002), items, strict=True)
    ]
    assert page.evaluate("document.querySelector('#sweep-plot').layout.xaxis.type") == "log"
    page.get_by_role("button", name="Parallel coordinates").click()
    until(page, f"{data}[0].x.length === 2")
    # The rates are a factor of ten apart: evenly spaced on a logarithmic axis.
    assert [round(y, 6) for y in page.evaluate(f"{data}.map(({{y}}) => y[0])")] == [1, 0.5, 0]
    colours = page.evaluate(f"{data}.map(({{line}}) => line.color)")
    curves = "document.querySelector('#plot').data.filter(({meta}) => meta.kind === 'main').map(({line}) => line.color)"
    assert colours == page.evaluate(curves)
    expect(page).to_have_url(re.compile("sweep=parallel"))


def test_recipes_in_the_address_come_with_all_their_runs_and_can_be_taken_out(
    page: Page, trained: Trained
) -> None:
    items = page.request.get(f"/api{trained.address}").json()["items"]
    query = "&".join(f"recipe={item['recipe']}" for item in items[:2])
    page.goto(f"/compare?{query}")
    expect(page.locator("#results tr")).to_have_count(2)
    there = page.request.get(f"/api/compare?{query}").json()["runs"]
    assert {run["id"] for run in there} >= {*trained.fast, trained.slow}
    expect(page.locator("#overview")).to_contain_text(f"2 recipes, {len(there)} runs")
    page.get_by_role("button", name="Remove lr 0.02", exact=True).click()
    expect(page.locator("#results tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"/compare\?recipe={items[0]['recipe']}"))


def test_one_run_shows_its_own_interval_and_says_that_it_is_one(page: Page, trained: Trained) -> None:
    page.goto(f"/compare?run={trained.slow}&run={trained.slowest}")
    cell = page.locator("#results tr").first.locator("td").first
    expect(cell).to_contain_text(re.compile(r"\d+\.\d.*\d+\.\d–\d+\.\d · one run"))
    expect(page.locator("#decided-by")).to_contain_text(re.compile("Wilson|Nothing decides yet"))
