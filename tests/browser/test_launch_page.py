"""The Launch page in a real browser: fields, grids, clones, what is missing, and one launch however often it is clicked."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from backend.store import weights
from backend.store.session import Database
from tests.processes.stack import Stack

LIMIT_MS = 60_000
HOSTILE = '<img src=x onerror="document.title=1"> & "quoted" \'n\' ünï'


def open_launch(page: Page, preset: str = "softmax-original", size: str = "quick", **fields: str) -> None:
    """Open the page at a preset, on generated images, with fields filled in by their dotted path."""
    page.goto(f"/launch?preset={preset}&size={size}")
    page.locator("#field-dataset-name").select_option("shapes")
    for path, text in fields.items():
        field(page, path).fill(text)


def field(page: Page, path: str):
    return page.locator(f"[id='field-{path.replace('.', '-')}']")


def box(page: Page, path: str):
    return page.locator(f".field[data-path='{path}']")


def settled(page: Page) -> None:
    """Wait for the preview of what stands in the form."""
    expect(page.locator("#launch-form:not(.stale)")).to_be_visible()


def newest(stack: Stack, count: int) -> list[dict[str, Any]]:
    return stack.client.runs(limit=count)["runs"][::-1]


@pytest.fixture
def busy(stack: Stack) -> None:
    """Give the worker something to do, so that what is launched stays queued."""
    blocker = stack.launch(epochs=5000)
    stack.until(lambda: stack.state(blocker) == "running")


@pytest.mark.usefixtures("busy")
def test_a_grid_of_three_by_two_with_two_seeds_is_twelve_runs(page: Page, stack: Stack) -> None:
    before = newest(stack, 1)[0]["id"]
    fields = {"optimizer.lr": "0.1, 0.05, 1e-3", "batch_size": "64 32", "seeds": "0-1", "name": "a grid"}
    open_launch(page, **fields)
    expect(page.locator("#runs-count")).to_have_text("12 runs")
    expect(page.locator("#how")).to_have_text("2 batch sizes × 3 learning rates × 2 seeds = 12 runs")
    expect(page.locator("#launch-submit")).to_contain_text("Launch 12 runs")
    expect(box(page, "optimizer.lr").locator(".several")).to_have_text("3 values")
    settled(page)
    expect(page.locator("#facts")).to_contain_text("6, 2 seeds each")
    expect(page.locator("#facts")).to_contain_text("on a CPU with two cores, one after the other")
    page.locator("#run-names summary").click()
    expect(page.locator("#names li")).to_have_count(12)
    expect(page.locator("#names li").first).to_have_text("a grid, batch size 64, lr 0.1 · seed 0")
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/$"))
    runs = newest(stack, 12)
    assert runs[0]["id"] == before + 1
    assert [(run["spec"]["batch_size"], run["spec"]["optimizer"]["lr"], run["seed"]) for run in runs] == [
        (batch_size, lr, seed) for batch_size in (64, 32) for lr in (0.1, 0.05, 0.001) for seed in (0, 1)
    ]
    assert {run["spec"]["dataset"]["name"] for run in runs} == {"shapes"}
    expect(page.locator("#runs")).to_contain_text("a grid, batch size 32, lr 0.001")


@pytest.mark.full
@pytest.mark.usefixtures("busy")
def test_choices_are_varied_by_ticking_them(page: Page, stack: Stack) -> None:
    open_launch(page, epochs="1")
    page.locator(".group", has_text="Test images").locator("summary").first.click()
    augment = box(page, "dataset.augment")
    augment.get_by_role("button", name="vary").click()
    augment.get_by_label("flip", exact=True).check()
    augment.get_by_label("crop and flip").check()
    expect(page.locator("#how")).to_have_text("3 augmentations = 3 runs")
    augment.get_by_role("checkbox", name="none").uncheck()
    expect(page.locator("#runs-count")).to_have_text("2 runs")
    expect(page.locator("#differing")).to_contain_text("Augmentation none → flip, crop and flip")
    settled(page)
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/$"))
    assert [run["spec"]["dataset"]["augment"] for run in newest(stack, 2)] == ["flip", "crop_flip"]


@pytest.mark.full
@pytest.mark.usefixtures("busy")
def test_starts_are_varied_as_whole_tables(page: Page, stack: Stack) -> None:
    open_launch(page, "resnet18-fine-tuned", **{"dataset.train_limit": "64"})
    starts = box(page, "model.weights")
    starts.get_by_role("button", name="vary").click()
    starts.get_by_role("checkbox", name="a random start").check()
    starts.get_by_label("ResNet-18 pretrained in Runyard").check()
    starts.get_by_role("checkbox", name="ImageNet weights").uncheck()
    settled(page)
    expect(page.locator("#how")).to_have_text("2 starts = 2 runs")
    expect(page.locator("#facts")).to_contain_text("ResNet-18 pretrained in Runyard, seed 0")
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/$"))
    runs = [run for run in newest(stack, 3) if run["preset"] == "resnet18-fine-tuned"]
    assert [run["spec"]["model"]["weights"]["source"] for run in runs] == ["none", "parent"]
    assert runs[1]["parent"]["name"] == "ResNet-18 pretrained in Runyard"


@pytest.mark.usefixtures("busy")
def test_the_parts_behind_the_line_are_launched_as_they_were_chosen(page: Page, stack: Stack) -> None:
    open_launch(page, epochs="9", name="all parts", **{"optimizer.lr": "0.001"})
    field(page, "optimizer.name").select_option("adamw")
    page.locator(".group", has_text="Optimiser").locator("summary").first.click()
    field(page, "optimizer.weight_decay").fill("0.01")
    field(page, "optimizer.beta2").fill("0.99")
    page.locator(".group", has_text="Test images").locator("summary").first.click()
    field(page, "dataset.validation").fill("0.2")
    page.locator(".more-groups > summary").click()
    field(page, "schedule.name").select_option("cosine")
    field(page, "schedule.warmup_epochs").fill("0.5")
    field(page, "early_stopping.patience").fill("2")
    field(page, "early_stopping.metric").select_option("val_acc")
    field(page, "loss.label_smoothing").fill("0.1")
    field(page, "gradient_clip").fill("1")
    field(page, "step_series").select_option("yes")
    expect(box(page, "step_series").locator(".vary")).to_have_count(0)
    expect(page.locator("#differing")).to_contain_text("Optimiser SGD → AdamW")
    expect(page.locator("#differing")).to_contain_text("Patience never → 2")
    settled(page)
    expect(page.locator("#launch-error")).to_be_hidden()
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    (run,) = newest(stack, 1)
    spec = run["spec"]
    assert spec["optimizer"] == {
        **{"name": "adamw", "lr": 0.001, "weight_decay": 0.01, "beta1": 0.9, "beta2": 0.99},
        **{"momentum": 0.0, "nesterov": False},
    }
    assert (spec["schedule"]["name"], spec["schedule"]["warmup_epochs"]) == ("cosine", 0.5)
    assert spec["early_stopping"] == {"patience": 2, "metric": "val_acc", "min_delta": 0.0}
    assert (spec["dataset"]["validation"], spec["loss"]["label_smoothing"]) == (0.2, 0.1)
    assert (spec["gradient_clip"], spec["step_series"], spec["ema"]) == (1.0, True, None)
    expect(page.locator("body")).to_contain_text("AdamW · lr 0.001 · cosine · 9 epochs")
    page.goto(f"/launch?clone={run['id']}")
    expect(page.locator("#launch-differs")).to_have_text(f"As run {run['id']} was")
    expect(field(page, "step_series")).to_have_value("yes")


def test_a_field_that_means_nothing_is_hidden_and_not_sent(page: Page, allowed_messages: list[str]) -> None:
    allowed_messages.append("422")  # the schedule of steps, before their length is typed
    open_launch(page, "resnet18-pretrained", **{"optimizer.lr": "0.001"})
    expect(field(page, "optimizer.momentum")).to_have_value("0.9")
    expect(page.locator(".more-groups")).not_to_have_attribute("open", "")
    for path in ("optimizer.beta1", "schedule.gamma", "early_stopping.metric"):
        expect(box(page, path)).to_have_attribute("hidden", "")
    field(page, "optimizer.name").select_option("adam")
    expect(box(page, "optimizer.momentum")).to_be_hidden()
    expect(box(page, "optimizer.nesterov")).to_have_attribute("hidden", "")
    page.locator(".group", has_text="Optimiser").locator("summary").first.click()
    expect(box(page, "optimizer.beta1")).to_be_visible()
    page.locator(".more-groups > summary").click()
    expect(box(page, "schedule.step_epochs")).to_be_hidden()
    field(page, "schedule.name").select_option("step")
    expect(box(page, "schedule.gamma")).to_be_visible()
    field(page, "schedule.step_epochs").fill("2")
    field(page, "schedule.warmup_epochs").fill("1")
    field(page, "schedule.name").select_option("onecycle")
    for path in ("schedule.step_epochs", "schedule.gamma", "schedule.warmup_epochs"):
        expect(box(page, path)).to_be_hidden()
    expect(box(page, "early_stopping.metric")).to_be_hidden()
    field(page, "early_stopping.patience").fill("3")
    field(page, "early_stopping.metric").select_option("train_loss")
    field(page, "early_stopping.min_delta").fill("0.5")
    field(page, "early_stopping.patience").fill("")
    expect(box(page, "early_stopping.metric")).to_be_hidden()
    # What was asked before may be under way still.
    with page.expect_request(lambda request: '"lr":0.002' in (request.post_data or "")) as asked:
        field(page, "optimizer.lr").fill("0.002")
    assert json.loads(asked.value.post_data or "")["overrides"] == {
        "dataset": {"name": "shapes"},
        "optimizer": {"name": "adam", "lr": 0.002},
        "schedule": {"name": "onecycle"},
    }
    settled(page)
    expect(page.locator("#launch-error")).to_be_hidden()
    # Of several optimizers each has its own fields, and keeps what is its own.
    box(page, "optimizer.name").get_by_role("button", name="Vary Optimiser").click()
    box(page, "optimizer.name").get_by_role("checkbox", name="SGD").check()
    expect(box(page, "optimizer.momentum")).to_be_visible()
    expect(box(page, "optimizer.beta1")).to_be_visible()
    settled(page)
    expect(page.locator("#launch-error")).to_be_hidden()
    expect(page.locator("#runs-count")).to_have_text("2 runs")


def test_a_preset_tells_what_the_report_says_and_leaves_open(page: Page) -> None:
    page.goto("/launch?preset=softmax-resnet18-last&size=published")
    told = page.locator("#base .faithful")
    expect(told.locator("summary")).to_have_text("What the report says, and 11 things that it leaves open")
    expect(told.locator(".says")).to_be_hidden()
    told.locator("summary").click()
    expect(told.locator(".says")).to_contain_text("Learning rate 0.05, 10 epochs, batch size 256")
    expect(told.locator(".left-open")).to_contain_text("The 512 averages over the image of layer4")
    page.locator("input[name=preset][value=softmax-original]").check(force=True)
    expect(told.locator(".says")).to_contain_text("Learning rate 0.1")
    page.locator(".more-presets > summary").click()
    page.locator("input[name=preset][value=vgg16-pretrained]").check(force=True)
    expect(told).to_be_hidden()


def test_what_differs_is_marked_listed_and_put_back(page: Page) -> None:
    open_launch(page, epochs="3", **{"optimizer.lr": "0.2"})
    expect(page.locator("#launch-differs")).to_have_text("3 fields differ from the preset")
    expect(page.locator("#differing li")).to_have_text(
        [
            re.compile(r"Data set cifar10 → shapes"),
            re.compile(r"Epochs 10 → 3"),
            re.compile(r"Learning rate 0.1 → 0.2"),
        ]
    )
    expect(box(page, "epochs")).to_have_class(re.compile("differs"))
    box(page, "epochs").get_by_role("button", name="Epochs: put 10 back").click()
    expect(field(page, "epochs")).to_have_value("10")
    expect(box(page, "epochs")).not_to_have_class(re.compile("differs"))
    page.get_by_role("button", name="Learning rate: put 0.1 back").last.click()
    expect(field(page, "optimizer.lr")).to_have_value("0.1")
    expect(page.locator("#launch-differs")).to_have_text("1 field differs from the preset")
    field(page, "optimizer.lr").fill("1e-1")  # the same number
    expect(page.locator("#launch-differs")).to_have_text("1 field differs from the preset")


@pytest.mark.full
def test_typed_values_stay_while_presets_and_sizes_are_chosen_and_the_address_follows(page: Page) -> None:
    open_launch(page, epochs="7")
    page.locator("input[name=preset][value=alexnet-fine-tuned]").check(force=True)
    expect(page).to_have_url(re.compile(r"preset=alexnet-fine-tuned&size=quick$"))
    page.locator("input[name=size][value=published]").check(force=True)
    expect(page).to_have_url(re.compile(r"size=published$"))
    expect(field(page, "epochs")).to_have_value("7")
    expect(field(page, "batch_size")).to_have_value("256")
    expect(page.locator("#what")).to_have_text("AlexNet fine-tuned, as published")
    page.reload()
    expect(page.locator("input[value=alexnet-fine-tuned]")).to_be_checked()
    expect(page.locator("input[value=published]")).to_be_checked()


@pytest.mark.full
def test_one_run_leads_to_its_page(page: Page, stack: Stack) -> None:
    open_launch(page, epochs="1", name="alone")
    settled(page)
    field(page, "name").press("Control+Enter")
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    run = stack.wait_for_end(int(page.url.rpartition("/")[2]))
    assert (run["name"], run["state"], run["preset"], run["size"]) == (
        *("alone", "completed"),
        *("softmax-original", "quick"),
    )


def test_a_clone_with_one_change_differs_by_it(page: Page, stack: Stack) -> None:
    run_id = stack.client.launch(
        preset="softmax-original",
        size="quick",
        overrides={"dataset": {"name": "shapes", "train_limit": 96}, "epochs": 1},
        seeds=[11],
        name=HOSTILE,
        experiment="clones",
    )["runs"][0]
    stack.wait_for_end(run_id)
    page.goto(f"/launch?clone={run_id}")
    expect(field(page, "experiment")).to_have_value("clones")
    expect(page.locator("#base")).to_contain_text(HOSTILE)
    expect(page.locator("#base").get_by_role("link", name=f"run {run_id}")).to_be_visible()
    expect(field(page, "dataset.train_limit")).to_have_value("96")
    expect(field(page, "seeds")).to_have_value("11")
    expect(page.locator("#launch-differs")).to_have_text(f"As run {run_id} was")
    field(page, "seeds").fill("12")
    expect(page.locator("#launch-differs")).to_have_text(f"As run {run_id} was, but for its seed")
    expect(page.locator("#differing")).to_have_text("Seed 11 → 12")
    field(page, "seeds").fill("11, 12")
    expect(page.locator("#differing")).to_have_text(f"Seeds 11, 12 (run {run_id} had 11)")
    field(page, "seeds").fill("11")
    field(page, "optimizer.momentum").fill("0.5")
    expect(page.locator("#launch-differs")).to_have_text(f"1 field differs from run {run_id}")
    settled(page)
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    clone = stack.wait_for_end(int(page.url.rpartition("/")[2]))
    original = stack.client.run(run_id)
    expected = {**original["spec"], "optimizer": {**original["spec"]["optimizer"], "momentum": 0.5}}
    assert clone["spec"] == expected
    assert (clone["name"], clone["preset"], clone["size"]) == (HOSTILE, "softmax-original", "quick")
    assert page.title() != "1"


@pytest.mark.full
def test_the_way_back_from_a_clone_leads_to_the_presets(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=1)
    page.goto(f"/launch?clone={run_id}&seeds=4,5")
    expect(field(page, "seeds")).to_have_value("4, 5")
    page.get_by_role("link", name="Start from a preset").click()
    expect(page).to_have_url(re.compile("/launch$"))
    expect(page.locator("input[name=preset]").first).to_be_visible()


@pytest.mark.full
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/launch?clone=999999", "There is no run 999999. Choose a preset in its place."),
        ("/launch?clone=x", "The address asks for a clone of “x”, which is no run; choose a preset."),
        ("/launch?preset=nothing", "There is no preset “nothing”; choose one of these."),
    ],
)
def test_an_address_that_names_nothing_says_so_and_offers_the_presets(
    page: Page, allowed_messages: list[str], path: str, said: str
) -> None:
    allowed_messages.append("404")
    page.goto(path)
    expect(page.locator("#notices")).to_contain_text(said)
    expect(page.locator("input[name=preset]").first).to_be_checked()


def test_a_missing_data_set_shows_its_command_and_is_not_launched(page: Page, stack: Stack) -> None:
    before = [run["id"] for run in newest(stack, 1)]
    page.goto("/launch?preset=softmax-original")
    expect(page.locator("#missing")).to_contain_text("The data set cifar10 is not here yet.")
    expect(page.locator("#missing code")).to_have_text(["runyard data fetch cifar10"])
    expect(page.locator("#facts")).to_contain_text("about")
    submit = page.locator("#launch-submit")
    expect(submit).to_have_attribute("aria-disabled", "true")
    expect(submit).to_contain_text("Launch: cifar10 is not here")
    expect(submit).to_have_accessible_description(re.compile("The data set cifar10 is not here yet."))
    submit.focus()
    submit.press("Enter")
    expect(page.locator("#launch-error")).to_be_hidden()
    assert [run["id"] for run in newest(stack, 1)] == before
    page.set_viewport_size({"width": 390, "height": 800})
    expect(page.locator("#missing code")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Use shapes in its place")).to_be_in_viewport()
    page.get_by_role("button", name="Use shapes in its place").click()
    expect(page.locator("#missing")).to_be_empty()
    expect(submit).to_contain_text("Launch 1 run")
    expect(submit).not_to_have_attribute("aria-disabled", "true")
    expect(page.locator("#launch-error")).to_be_hidden()


@pytest.mark.full
def test_missing_weights_show_the_command_of_the_chosen_model(page: Page) -> None:
    open_launch(page, "alexnet-fine-tuned")
    expect(page.locator("#missing code")).to_have_text(["runyard weights fetch alexnet"])
    field(page, "model.arch").select_option("vgg16")
    expect(page.locator("#missing code")).to_have_text(["runyard weights fetch vgg16"])
    offered = " ".join(field(page, "model.weights").locator("option").all_inner_texts())
    assert "VGG16" in offered
    assert "AlexNet" not in offered
    field(page, "model.weights").select_option("none")
    expect(page.locator("#missing")).to_be_empty()


def test_an_error_is_told_at_the_field_that_it_names(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("422")  # ranges are the service's to know: it refuses
    before = [run["id"] for run in newest(stack, 1)]
    open_launch(page)
    wrong = box(page, "optimizer.lr")
    for typed, said in (
        ("fast", "Learning rate is “fast”, which is no number; write it like 10 or 0.05."),
        ("0", "optimizer.lr is 0; it must be over 0 and at most 100."),
        ("0.1, 0.10", "Learning rate has 0.10 twice; each value makes runs of its own."),
        ("0.1, 101", "optimizer.lr is 101; it must be over 0 and at most 100."),
        ("", "Learning rate is empty; give a number."),
    ):
        field(page, "optimizer.lr").fill(typed)
        expect(wrong.locator(".problem")).to_have_text(said)
        expect(page.locator("#launch-error")).to_have_text(said)
        expect(field(page, "optimizer.lr")).to_have_attribute("aria-invalid", "true")
        page.locator("#launch-submit").click()
        expect(field(page, "optimizer.lr")).to_be_focused()
        expect(field(page, "optimizer.lr")).to_have_value(typed)
    field(page, "optimizer.lr").fill("0.1")
    expect(page.locator("#launch-error")).to_be_hidden()
    line = page.locator("details", has=box(page, "eval_batch_size")).locator("summary")
    line.click()
    field(page, "eval_batch_size").fill("0")
    expect(box(page, "eval_batch_size").locator(".problem")).to_be_visible()
    line.click()
    page.locator("#launch-submit").click()  # what is wrong does not hide
    expect(field(page, "eval_batch_size")).to_be_focused()
    field(page, "eval_batch_size").fill("512")
    field(page, "seeds").fill("0, 1, 1")
    expect(box(page, "seeds").locator(".problem")).to_have_text("Seed 1 stands there twice.")
    field(page, "seeds").fill("0-999")
    field(page, "batch_size").fill("32, 64")
    expect(page.locator("#launch-error")).to_have_text(
        "2 values x 1000 seeds are 2,000 runs; a launch may have 1000."
    )
    assert [run["id"] for run in newest(stack, 1)] == before


@pytest.mark.full
def test_a_combination_that_cannot_be_is_named(page: Page, allowed_messages: list[str]) -> None:
    allowed_messages.append("422")
    open_launch(page, "alexnet-from-scratch", **{"dataset.image_size": "64, 32"})
    expect(box(page, "dataset.image_size").locator(".problem")).to_have_text(
        "dataset.image_size is 32 pixels; alexnet needs images of at least 63 pixels."
    )


@pytest.mark.usefixtures("busy")
def test_snippets_say_what_is_launched(page: Page, stack: Stack) -> None:
    open_launch(page, epochs="2", name=HOSTILE, **{"optimizer.lr": "0.1, 0.2"})
    page.locator("#same summary").click()
    settled(page)
    page.get_by_role("tab", name="Command line").press("ArrowRight")
    expect(page.get_by_role("tab", name="curl")).to_be_focused()
    shown = page.locator("#snippets code").inner_text()
    assert "$RUNYARD_TOKEN" in shown
    assert stack.token_file.read_text().strip() not in page.content()
    with page.expect_request("**/api/launches") as sent:
        page.locator("#launch-submit").click()
    body = sent.value.post_data_json
    quoted = re.search(r"--data-raw '(.*)'$", shown, re.DOTALL)
    assert quoted
    assert json.loads(quoted[1].replace("'\"'\"'", "'")) == body
    assert body["grid"] == {"optimizer.lr": [0.1, 0.2]}
    expect(page).to_have_url(re.compile(r"/$"))
    assert [run["name"] for run in newest(stack, 2)] == [f"{HOSTILE}, lr 0.1", f"{HOSTILE}, lr 0.2"]


def test_a_hostile_name_is_shown_as_text(page: Page) -> None:
    open_launch(page, name=HOSTILE, seeds="0, 1")
    settled(page)
    page.locator("#run-names summary").click()
    expect(page.locator("#names li").first).to_contain_text(HOSTILE)
    assert page.locator("#names img").count() == 0
    assert page.title() == "Launch · Runyard"


def test_a_double_click_launches_once(page: Page, stack: Stack) -> None:
    before = [run["id"] for run in newest(stack, 1)]
    open_launch(page, epochs="1")
    settled(page)
    page.locator("#launch-submit").dblclick()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    launched = int(page.url.rpartition("/")[2])
    stack.wait_for_end(launched)
    assert [run["id"] for run in newest(stack, 2)] == [*before, launched]


@pytest.mark.full
@pytest.mark.usefixtures("busy")
def test_a_launch_whose_answer_was_lost_is_stored_once_however_often_it_is_sent(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages += ["409", "ERR_FAILED"]
    open_launch(page, "vgg16-fine-tuned", "published")
    field(page, "model.weights").select_option("none")
    settled(page)
    expect(page.locator("#long")).to_contain_text("on a CPU with two cores, and no GPU worker is here.")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-submit")).to_contain_text("Launch all the same")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/launches", lose, times=1)
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-error")).to_contain_text("cannot be reached")
    stored = newest(stack, 1)[0]["id"]
    expect(field(page, "model.weights")).to_have_value("none")
    page.locator("#launch-submit").click()  # with the same key: it is answered as the first one was
    expect(page).to_have_url(re.compile(rf"/runs/{stored}$"))
    assert newest(stack, 1)[0]["id"] == stored


@pytest.mark.usefixtures("busy")
def test_a_launch_of_hours_is_asked_about_and_sent_after_a_second_click(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("409")
    open_launch(page, "vgg16-fine-tuned", "published")
    field(page, "model.weights").select_option("none")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-error")).to_contain_text("on a CPU")
    expect(page.locator("#launch-submit")).to_contain_text("Launch all the same")
    field(page, "epochs").fill("9")  # another launch is asked about anew
    expect(page.locator("#launch-submit")).to_contain_text("Launch 1 run")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-submit")).to_contain_text("Launch all the same")
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    (run,) = newest(stack, 1)
    assert (run["preset"], run["spec"]["epochs"]) == ("vgg16-fine-tuned", 9)


@pytest.mark.full
def test_only_fields_that_mean_something_are_shown(page: Page) -> None:
    open_launch(page, "softmax-resnet18-last")
    for path in ("features.node", "features.pooling", "features.standardize", "features.weights"):
        expect(field(page, path)).to_be_visible()
    expect(field(page, "features.node")).to_have_value("layer4")
    expect(field(page, "model.weights")).to_be_hidden()
    expect(page.locator("#base")).to_contain_text("the weights of “ResNet-18 fine-tuned”")
    field(page, "features.arch").select_option("")
    expect(field(page, "features.node")).to_be_hidden()
    expect(page.locator("#differing")).to_contain_text("Features of resnet18 → none")
    page.locator("input[name=preset][value=alexnet-fine-tuned]").check(force=True)
    expect(field(page, "model.weights")).to_have_value("imagenet")
    expect(field(page, "model.trained")).to_be_visible()
    field(page, "model.weights").select_option("none")
    expect(field(page, "model.trained")).to_be_hidden()  # of a random start all layers are trained
    field(page, "model.weights").select_option("run")
    expect(field(page, "model.weights.run")).to_be_visible()


@pytest.mark.full
def test_features_can_be_given_up_and_taken_on(page: Page, stack: Stack) -> None:
    open_launch(page, "softmax-original", epochs="1")
    field(page, "features.arch").select_option("resnet18")
    field(page, "features.node").fill("avgpool")
    settled(page)
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    features = newest(stack, 1)[0]["spec"]["features"]
    assert (features["arch"], features["node"], features["weights"]["source"]) == (
        *("resnet18", "avgpool"),
        "none",
    )


@pytest.mark.full
def test_a_run_gives_its_weights_by_its_number(page: Page, stack: Stack, allowed_messages: list[str]) -> None:
    allowed_messages += ["404", "422"]
    parent = stack.launch(epochs=1, eval_batch_size=77)
    stack.wait_for_end(parent)
    open_launch(page, epochs="1")
    field(page, "model.weights").select_option("run")
    field(page, "model.weights.run").fill("999999")
    expect(box(page, "model.weights.run").locator(".problem")).to_have_text("There is no run 999999.")
    field(page, "model.weights.run").fill(f"#{parent}")
    # It stood behind a line, which opens where something must be chosen there.
    expect(box(page, "model.output_layer").locator(".problem")).to_contain_text("it must be 'kept'")
    field(page, "model.output_layer").select_option("kept")
    settled(page)
    expect(page.locator("#differing")).to_contain_text(f"Starts from a random start → run {parent}")
    page.locator("#launch-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/\d+$"))
    child = stack.wait_for_end(int(page.url.rpartition("/")[2]))
    assert (child["parent"]["run"], child["state"]) == (parent, "completed")


@pytest.mark.full
def test_a_parent_of_one_seed_is_asked_for_with_its_seed(page: Page) -> None:
    open_launch(page, "softmax-resnet18-last")
    expect(field(page, "features.weights.seed")).to_be_hidden()
    field(page, "features.weights.rule").select_option("fixed_seed")
    expect(box(page, "features.weights.seed")).to_be_visible()
    with page.expect_request(
        lambda request: request.url.endswith("/preview") and '"seed":7' in (request.post_data or "")
    ) as asked:
        field(page, "features.weights.seed").fill("7")
    start = {"source": "parent", "preset": "resnet18-fine-tuned", "rule": "fixed_seed", "seed": 7}
    assert asked.value.post_data_json["overrides"]["features"]["weights"] == start
    expect(page.locator("#facts")).to_contain_text("ResNet-18 fine-tuned, seed 7")
    field(page, "features.weights.seed").fill("7, 8")
    expect(box(page, "features.weights.seed").locator(".problem")).to_have_text(
        "Parent's seed has 2 values; it takes one."
    )


@pytest.mark.full
def test_what_was_fetched_meanwhile_is_seen_on_return(page: Page, stack: Stack) -> None:
    open_launch(page, "resnet18-fine-tuned")
    field(page, "model.arch").select_option("resnet34")
    expect(page.locator("#missing code")).to_have_text(["runyard weights fetch resnet34"])
    database = Database(f"sqlite:///{stack.home / 'runyard.db'}")
    with database.write() as session:
        new = weights.NewWeights("imagenet", "ResNet34_Weights.IMAGENET1K_V1", "resnet34", "d" * 64, 1000)
        weights.register(session, new, replace=False)
    database.dispose()
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the tab is looked at again
    expect(page.locator("#missing")).to_be_empty()
    expect(field(page, "model.weights").locator("option[value=imagenet]")).to_have_text("ImageNet weights")


def test_a_lost_connection_loses_nothing_that_was_typed(page: Page, allowed_messages: list[str]) -> None:
    allowed_messages += ["ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION"]
    open_launch(page, epochs="5")
    settled(page)
    page.context.set_offline(True)
    field(page, "optimizer.lr").fill("0.3")
    expect(page.locator("#launch-error")).to_contain_text("The server cannot be reached")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-submit")).to_contain_text("Launch 1 run")
    page.context.set_offline(False)
    expect(page.locator("#launch-error")).to_be_hidden()  # it asks again by itself
    settled(page)
    expect(field(page, "optimizer.lr")).to_have_value("0.3")
    expect(field(page, "epochs")).to_have_value("5")


@pytest.mark.full
def test_an_answer_that_comes_too_late_is_dropped(page: Page) -> None:
    open_launch(page)
    settled(page)
    held: list[Route] = []
    page.route("**/api/launches/preview", lambda route: held.append(route), times=1)
    with page.expect_request("**/api/launches/preview"):
        field(page, "seeds").fill("0-3")
    field(page, "seeds").fill("0-1")
    settled(page)
    expect(page.locator("#facts")).to_contain_text("1, 2 seeds each")
    held[0].continue_()
    page.wait_for_load_state("networkidle")
    expect(page.locator("#facts")).to_contain_text("1, 2 seeds each")


@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
def test_the_page_fits_a_phone_and_its_button_stays_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 740})
    open_launch(page, "softmax-resnet18-last", **{"optimizer.lr": "0.1, 0.05", "name": "w" * 150})
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    expect(page.locator("#launch-submit")).to_be_in_viewport()
    page.evaluate("scrollTo(0, 600)")
    expect(page.locator("#launch-submit")).to_be_in_viewport()


@pytest.mark.full
def test_every_field_of_the_spec_has_a_label_and_a_line_of_help(page: Page, stack: Stack) -> None:
    open_launch(page)
    settled(page)
    paths = page.locator(".field").evaluate_all("nodes => nodes.map(node => node.dataset.path)")
    known = stack.client._json("GET", "/api/presets")["fields"]
    for path in known:
        inside = next((own for own in paths if path == own or path.startswith(f"{own}.")), None)
        assert inside or path == "seed", path
    for path in paths:
        if path.endswith(".run"):
            continue
        assert field(page, path).evaluate("node => node.labels[0].textContent"), path
        assert box(page, path).locator(".help").text_content(), path
    assert box(page, "batch_size").locator(".help").inner_text() == (
        "Training images in one step. From 1 to 65,536."
    )
    assert box(page, "batch_size").locator(".unit").inner_text() == "images"


@pytest.mark.full
def test_a_corrected_twin_stands_behind_more_presets(page: Page) -> None:
    page.goto("/launch")
    twin = page.locator("label.preset", has_text="Softmax regression on the pixels, corrected")
    expect(twin).to_be_hidden()
    page.get_by_text("More presets").click()
    twin.click()
    expect(page).to_have_url(re.compile("preset=softmax-original-corrected"))
    expect(field(page, "loss.name")).to_have_value("cross_entropy")


@pytest.mark.full
def test_seeds_are_read_with_ranges(page: Page) -> None:
    page.goto("/api/health")  # any page of the service will do
    cases: dict[str, list[int] | str] = {
        "0": [0],
        "0, 1, 2": [0, 1, 2],
        "0-4": [0, 1, 2, 3, 4],
        "7; 1 - 3 9": [7, 1, 2, 3, 9],
        "": "Seeds is empty; give at least one, such as 0.",
        "1, x": "Seeds has “x”; give whole numbers and ranges, such as 0, 1, 5-9.",
        "4-1": "Seeds has “4-1”; a range goes up, such as 1-4.",
        "0, 0-1": "Seed 0 stands there twice.",
        "0-99999999999": "Seeds has more than 1000 values; a launch may have 1000 runs.",
        "-1": "Seeds has “-1”; give whole numbers and ranges, such as 0, 1, 5-9.",
    }
    code = """async typed => {
        const { readSeeds } = await import('/static/launch-values.js');
        return typed.map(text => readSeeds(text)).map(({ values, problem }) => values ?? problem);
    }"""
    read = page.evaluate(code, list(cases))
    assert dict(zip(cases, read, strict=True)) == cases


@pytest.mark.full
def test_a_refusal_finds_its_field(page: Page) -> None:
    page.goto("/api/health")
    cases = {
        "optimizer.lr is 0; it must be over 0 and at most 100.": "optimizer.lr",
        "With model.arch vgg16, batch_size 8: dataset.image_size is 8 pixels; …": "dataset.image_size",
        "grid.batch_size holds no value; it must hold one at least.": "batch_size",
        "model.weights.parent is abc…; no run has this recipe.": "model.weights",
        "There is no model 'vgg'. Did you mean vgg11?": "model.arch",
        "There is no node of resnet18 'layer5'.": "features.node",
        "There is no run 8.": "model.weights.run",
        "seed is -1; it must be at least 0.": "seeds",
        "name holds a control character; use visible characters only.": "name",
        "3 x 4 values are 1,200 runs; a launch may have 1000.": None,
    }
    code = """async messages => {
        const { PLANS } = await import('/static/launch-plan.js');
        const { fieldOf } = await import('/static/launch-request.js');
        const paths = [...PLANS.map(plan => plan.path), 'seeds', 'name', 'experiment'];
        return messages.map(message => fieldOf(message, paths));
    }"""
    found = page.evaluate(code, list(cases))
    assert dict(zip(cases, found, strict=True)) == cases
