"""The Compare page: the verdict, what differs, the results, and curves that follow the address and the runs."""

import re
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from backend.processes import wait_until
from tests.browser.test_runs_page import HOSTILE, launch_seeds
from tests.processes.stack import Stack

LIMIT_MS = 60_000


@dataclass(frozen=True)
class Trained:
    """Three recipes that differ in their learning rates; the first has three seeds."""

    fast: list[int]
    slow: int
    slowest: int

    @property
    def runs(self) -> list[int]:
        return [*self.fast, self.slow, self.slowest]

    @property
    def address(self) -> str:
        return "/compare?" + "&".join(f"run={run_id}" for run_id in self.runs)


@pytest.fixture(scope="module")
def trained(stack: Stack) -> Trained:
    runs = [
        run_id
        for lr, count in ((0.2, 3), (0.02, 1), (0.002, 1))
        for run_id in launch_seeds(stack, 401, count, name=f"rate {lr}", epochs=6, optimizer={"lr": lr})
    ]
    for run_id in runs:
        assert stack.wait_for_end(run_id)["state"] == "completed"
    return Trained(runs[:3], runs[3], runs[4])


def open_curves(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.locator("#plot .main-svg").first).to_be_visible()
    # The table comes first, then the curves.
    expect(page.locator("#plot-waits")).to_be_hidden()


def drawn(page: Page) -> list[dict[str, Any]]:
    """Return the lines of the figure, as Plotly has them."""
    return page.evaluate(
        "document.querySelector('#plot').data.map(({meta, x, y, line}) => ({...meta, x, y, colour: line.color}))"
    )


def main_lines(page: Page) -> dict[str, dict[str, Any]]:
    return {line["recipe"]: line for line in drawn(page) if line["kind"] == "main"}


def until(page: Page, condition: str) -> None:
    """Wait by asking again: `wait_for_function` would evaluate text inside the page, which its policy forbids."""
    assert wait_until(lambda: page.evaluate(condition), LIMIT_MS / 1000, 0.1), condition


def test_three_recipes_are_told_apart_and_shown_as_the_service_has_them(
    page: Page, stack: Stack, trained: Trained
) -> None:
    open_curves(page, trained.address)
    answer = page.request.get(f"/api{trained.address}").json()
    expect(page.locator("#verdict-text")).to_have_text(answer["verdict"]["text"])
    assert "has the highest test accuracy" in answer["verdict"]["text"]
    expect(page.locator("#differs thead th")).to_have_text(
        [re.compile("Field"), "lr 0.2", "lr 0.02", "lr 0.002"]
    )
    expect(page.locator("#differs tbody tr")).to_have_count(1)
    expect(page.locator("#differs tbody tr").first).to_have_text("Learning rate0.20.020.002")
    expect(page.locator("#same")).to_be_hidden()
    page.locator("#same-title").click()
    expect(page.locator("#same")).to_contain_text("test batch size401")
    for item in answer["items"]:
        row = page.locator(f"#results tr[data-recipe='{item['recipe']}']")
        expect(row.locator("td").first).to_contain_text(f"{100 * item['accuracy']['mean']:.1f}")
        expect(row).to_contain_text(f"{item['final']['test_loss']['value']:.3f}")
    first = answer["items"][0]
    kinds = [line["kind"] for line in drawn(page) if line["recipe"] == first["recipe"]]
    assert kinds == ["band", "main"]
    expect(page.locator("#curves-hint")).to_contain_text("band: its 95% interval")
    page.get_by_label("Each seed").check()
    until(page, "document.querySelector('#plot').data.filter(({meta}) => meta.kind === 'seed').length === 3")
    lines = [line for line in drawn(page) if line["recipe"] == first["recipe"]]
    assert [line["kind"] for line in lines] == ["seed", "seed", "seed", "main"]
    mean = [sum(values) / 3 for values in zip(*(line["y"] for line in lines[:3]), strict=True)]
    assert lines[3]["y"] == pytest.approx(mean)
    assert len({line["colour"] for line in lines}) == 1
    assert len({line["colour"] for line in drawn(page)}) == 3


def test_smoothing_and_time_change_what_is_drawn(page: Page, trained: Trained) -> None:
    open_curves(page, trained.address)
    before = main_lines(page)
    page.locator("#smooth").fill("0.6")
    until(page, "document.querySelector('#plot').data.some(({meta}) => meta.kind === 'faint')")
    for recipe, line in main_lines(page).items():
        (faint,) = [one for one in drawn(page) if one["recipe"] == recipe and one["kind"] == "faint"]
        assert faint["y"] == before[recipe]["y"]
        first, second = before[recipe]["y"][:2]
        # By hand: (0.6 * 0.4 a + 0.4 b) / (1 - 0.36).
        assert line["y"][:2] == pytest.approx([first, (0.24 * first + 0.4 * second) / 0.64])
    page.get_by_role("button", name="Time").click()
    until(page, "document.querySelector('#plot').layout.xaxis.title.text === 'Training time, s'")
    series = page.request.get(f"/api{trained.address}").json()["series"]
    alone = next(line for line in drawn(page) if line["kind"] == "main" and line["run"] == trained.slow)
    assert alone["x"] == series[str(trained.slow)]["test_acc"]["seconds"]
    page.get_by_role("button", name="Images", exact=True).click()
    until(page, "document.querySelector('#plot').layout.xaxis.title.text === 'Training images seen'")
    images = page.request.get(f"/api{trained.address}").json()["items"][1]["images_an_epoch"]
    alone = next(line for line in drawn(page) if line["kind"] == "main" and line["run"] == trained.slow)
    assert alone["x"] == [images * epoch for epoch in range(1, 7)]
    page.locator("#metric").select_option("train_loss")
    until(page, "document.querySelector('#plot').layout.yaxis.title.text === 'Training loss, nats'")
    until(
        page,
        "document.querySelector('#plot').data.some(({meta, y}) => meta.kind === 'main' && y.length === 6)",
    )


def test_the_whole_view_survives_a_reload(page: Page, trained: Trained) -> None:
    open_curves(page, trained.address)
    page.locator("#metric").select_option("test_loss")
    page.get_by_role("button", name="Time").click()
    page.locator("#smooth").fill("0.3")
    page.get_by_label("Each seed").check()
    page.locator("#value").select_option("best")
    expect(page.locator("#value-head")).to_have_text("best epoch by test accuracy")
    page.locator("#target").fill("15")
    expect(page.locator("#target-head")).to_have_text("Time to 15.0%")
    page.get_by_role("button", name="Show the runs of lr 0.2", exact=True).click()
    expect(page.locator("#results .of-run")).to_have_count(3)
    hidden = page.get_by_role("group", name="Lines of recipes").get_by_role(
        "button", name="lr 0.02", exact=True
    )
    hidden.click()
    expect(hidden).to_have_attribute("aria-pressed", "false")
    until(page, "new Set(document.querySelector('#plot').data.map(({meta}) => meta.recipe)).size === 2")
    until(page, "document.querySelector('#plot').data.every(({y}) => y.length === 6)")
    shown = drawn(page)
    page.reload()
    expect(page.locator("#plot .main-svg").first).to_be_visible()
    until(page, "document.querySelector('#plot').data.filter(({y}) => y.length === 6).length > 4")
    assert drawn(page) == shown
    expect(page.locator("#value-head")).to_have_text("best epoch by test accuracy")
    expect(page.locator("#target-head")).to_have_text("Time to 15.0%")
    expect(page.locator("#results .of-run")).to_have_count(3)
    expect(page.locator("#metric")).to_have_value("test_loss")
    expect(page.locator("#smooth-value")).to_have_text("0.30")
    expect(hidden).to_have_attribute("aria-pressed", "false")


@pytest.mark.full
def test_a_recipe_that_is_taken_out_repaints_no_other_and_comes_back(page: Page, trained: Trained) -> None:
    open_curves(page, trained.address)
    colours = {recipe: line["colour"] for recipe, line in main_lines(page).items()}
    first, *others = colours
    page.get_by_role("button", name="Remove lr 0.2", exact=True).click()
    expect(page.locator("#results tr")).to_have_count(2)
    until(page, "new Set(document.querySelector('#plot').data.map(({meta}) => meta.recipe)).size === 2")
    assert {recipe: line["colour"] for recipe, line in main_lines(page).items()} == {
        recipe: colours[recipe] for recipe in others
    }
    page.locator("#add-button").click()
    page.locator("dialog#add .find").fill("rate 0.2")
    page.locator("dialog#add").get_by_role("checkbox", name="Select rate 0.2,").check()
    page.get_by_role("button", name="Add 1 recipe (3 runs)").click()
    expect(page.locator("#results tr")).to_have_count(3)
    until(page, "new Set(document.querySelector('#plot').data.map(({meta}) => meta.recipe)).size === 3")
    assert main_lines(page)[first]["colour"] == colours[first]  # the one that was free
    page.go_back()
    expect(page.locator("#results tr")).to_have_count(2)


def test_the_curve_of_a_running_run_grows_while_zoomed_and_the_zoom_stays(
    page: Page, stack: Stack, trained: Trained
) -> None:
    (running,) = launch_seeds(stack, 402, 1, epochs=5000)
    stack.until(lambda: stack.epochs_done(running) >= 2)
    open_curves(page, f"/compare?run={running}&run={trained.slow}")
    page.locator("#plot").scroll_into_view_if_needed()
    plot = page.locator("#plot .nsewdrag").first.bounding_box()
    assert plot
    page.mouse.move(plot["x"] + 20, plot["y"] + 30)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + plot["height"] - 30, steps=5)
    page.mouse.up()
    until(page, "document.querySelector('#plot')._fullLayout.xaxis.range[1] < 4000")
    zoom = "['xaxis', 'yaxis'].map(axis => document.querySelector('#plot')._fullLayout[axis].range)"
    chosen = page.evaluate(zoom)
    length = f"document.querySelector('#plot').data.find(trace => trace.meta.run === {running}).x.length"
    before = page.evaluate(length)
    until(page, f"{length} > {before + 5}")
    assert page.evaluate(zoom) == chosen
    page.locator("#smooth").fill("0.5")
    until(page, "document.querySelector('#plot').data.some(({meta}) => meta.kind === 'faint')")
    assert page.evaluate(zoom) == chosen
    expect(page.locator("#overview")).to_contain_text("1 running")
    stack.client.cancel(running)
    expect(page.locator("#warnings")).to_contain_text(f"Run {running} has not completed", timeout=LIMIT_MS)


@pytest.mark.full
def test_what_would_decide_is_one_click_away(page: Page, trained: Trained) -> None:
    page.goto(f"/compare?run={trained.slow}&run={trained.slowest}")
    expect(page.locator("#more-seeds a")).to_have_count(2)
    links = [link.get_attribute("href") for link in page.locator("#more-seeds a").all()]
    assert f"/launch?clone={trained.slow}&seeds=1%2C2" in links
    row = page.locator("#results tr").first
    expect(row.get_by_role("link", name="Clone")).to_have_attribute("href", f"/launch?clone={trained.slow}")


def test_the_missing_seeds_are_launched_from_the_verdict_and_join_the_comparison(
    page: Page, stack: Stack
) -> None:
    overrides = {
        "dataset": {"name": "shapes", "train_limit": 500, "test_limit": 200},
        "epochs": 2,
        "eval_batch_size": 404,
    }
    first, second = (
        stack.client.launch(
            preset="softmax-original",
            overrides={**overrides, "optimizer": {"lr": lr}},
            seeds=[0],
            experiment="which rate",
        )["runs"][0]
        for lr in (0.1, 0.0999)
    )
    for run_id in (first, second):
        assert stack.wait_for_end(run_id)["state"] == "completed"
    page.goto(f"/compare?run={first}&run={second}")
    button = page.locator("#launch-missing")
    for part in ("Launch the missing seeds: ", "lr 0.1 seeds 1 and 2", "lr 0.0999 seeds 1 and 2"):
        expect(button).to_contain_text(part)
    button.dblclick()
    expect(page.locator("[data-notice=good]")).to_contain_text("Launched 4 runs, compared here:")
    expect(page).to_have_url(re.compile(rf"/compare\?run={first}&run={second}(&run=\d+){{4}}$"))
    new = [run for run in stack.client.runs(limit=10)["runs"] if run["id"] > second]
    assert sorted((run["spec"]["optimizer"]["lr"], run["seed"]) for run in new) == [
        (lr, seed) for lr in (0.0999, 0.1) for seed in (1, 2)
    ]
    assert {run["experiment"] for run in new} == {"which rate"}
    expect(page.locator("#results")).to_contain_text("seed 2")


def test_without_runs_the_newest_recipes_are_offered(page: Page, trained: Trained) -> None:
    page.goto("/compare")
    expect(page.locator("#empty")).to_be_visible()
    page.locator("#choose .find").fill("rate 0.")
    page.locator("#choose").get_by_role("checkbox", name="Select rate 0.2,").check()
    page.locator("#choose").get_by_role("checkbox", name="Select rate 0.02,").check()
    page.get_by_role("button", name="Compare 2 recipes (4 runs)").click()
    expect(page).to_have_url(re.compile(r"/compare\?run=\d+(&run=\d+){3}$"))
    expect(page.locator("#results tr")).to_have_count(2)
    expect(page.locator("#empty")).to_be_hidden()


@pytest.mark.full
def test_a_run_that_is_not_there_is_named_and_can_be_left_out(
    page: Page, trained: Trained, allowed_messages: list[str]
) -> None:
    allowed_messages.append("404")
    page.goto(f"/compare?run={trained.slow}&run=999999")
    expect(page.locator("[data-notice=bad]")).to_contain_text("There is no run 999999.")
    page.get_by_role("link", name="Compare the others").click()
    expect(page.locator("#results tr")).to_have_count(1)


@pytest.mark.full
def test_hostile_names_are_only_text_in_a_comparison(page: Page, stack: Stack, trained: Trained) -> None:
    (hostile,) = launch_seeds(stack, 403, 1, name=HOSTILE)
    stack.wait_for_end(hostile)
    open_curves(page, f"/compare?run={hostile}&run={trained.slow}")
    expect(page.locator("#results")).to_contain_text(HOSTILE)
    page.locator("#add-button").click()
    expect(page.locator("dialog#add li").first).to_be_visible()
    assert page.locator("main img, main #results b, dialog img").count() == 0
    assert page.title() != "owned"


@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
def test_a_phone_shows_a_comparison_without_scrolling_sideways(page: Page, trained: Trained) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    open_curves(page, trained.address)
    expect(page.locator("#differs tbody th")).to_have_text(
        ["lr 0.2", "lr 0.02", "lr 0.002"]
    )  # recipes are rows here
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/compare")
    expect(page.locator("#choose li").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
