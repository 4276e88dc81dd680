"""The main job in a real browser: launch, watch, cancel."""

import re

from playwright.sync_api import Page, Route, expect

from tests.processes.stack import Stack

LIMIT_MS = 60_000


def open_launch(page: Page, preset: str = "softmax-original") -> None:
    page.goto("/")
    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page.locator("dialog#launch")).to_be_visible()
    page.locator(f"input[name=preset][value={preset}]").check(force=True)
    page.locator("input[name=size][value=quick]").check(force=True)
    page.locator("#field-dataset-name").select_option("shapes")


def submit(page: Page) -> int:
    """Send the form; return the id of the (last) new run."""
    page.locator("#launch-submit").click()
    expect(page.locator("dialog#launch")).to_be_hidden()
    link = page.locator("[data-notice=good] a").last
    return int(re.sub(r"\D", "", link.get_attribute("href") or ""))


def test_a_run_is_launched_watched_and_completed(page: Page, stack: Stack) -> None:
    open_launch(page)
    page.locator("#field-epochs").fill("15")
    run_id = submit(page)
    row = page.locator(f"tr[data-run='{run_id}']")
    expect(row).to_be_visible()
    row.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(f"/runs/{run_id}$"))
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
    page.goto("/")
    row = page.locator(f"tr[data-run='{run_id}']")
    expect(row).to_have_attribute("data-state", "running", timeout=LIMIT_MS)
    row.locator("[data-action=cancel]").click()
    row.locator("[data-action=confirm-cancel]").click()
    expect(row).to_have_attribute("data-state", "cancelled", timeout=LIMIT_MS)
    assert stack.state(run_id) == "cancelled"


def test_a_queued_run_is_cancelled_on_the_page(page: Page, stack: Stack) -> None:
    running, queued = stack.launch(epochs=5000), stack.launch(epochs=1)
    page.goto("/")
    row = page.locator(f"tr[data-run='{queued}']")
    row.locator("[data-action=cancel]").click()
    expect(row).to_have_attribute("data-state", "cancelled")
    stack.client.cancel(running)
    stack.wait_for_end(running)


def test_a_double_click_launches_once(page: Page, stack: Stack) -> None:
    before = stack.client.runs(limit=500)["runs"]
    open_launch(page)
    page.locator("#field-epochs").fill("1")
    page.locator("#launch-submit").dblclick()
    expect(page.locator("dialog#launch")).to_be_hidden()
    run_id = stack.client.runs(limit=1)["runs"][0]["id"]
    stack.wait_for_end(run_id)
    assert len(stack.client.runs(limit=500)["runs"]) == len(before) + 1


def test_three_seeds_are_three_runs(page: Page, stack: Stack) -> None:
    open_launch(page)
    page.locator("#field-epochs").fill("1")
    page.locator("#field-seeds").fill("0, 1, 2")
    expect(page.locator("#launch-submit")).to_have_text("Launch 3 runs")
    last = submit(page)
    assert [stack.wait_for_end(last - n)["seed"] for n in (2, 1, 0)] == [0, 1, 2]


def test_a_wrong_value_is_told_in_one_sentence_and_nothing_typed_is_lost(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("422")  # ranges are the service's to know: it refuses the 0
    before = stack.client.runs()["runs"][:1]
    open_launch(page)
    for wrong in ("fast", "0", "NaN", "1e999"):
        page.locator("#field-optimizer-lr").fill(wrong)
        page.locator("#launch-submit").click()
        expect(page.locator("dialog#launch")).to_be_visible()
        expect(page.locator("dialog#launch [role=alert], dialog#launch .wrong").first).to_contain_text(
            re.compile("learning rate|number|0|100", re.IGNORECASE)
        )
        expect(page.locator("#field-optimizer-lr")).to_have_value(wrong)
    assert [run["id"] for run in stack.client.runs()["runs"][:1]] == [run["id"] for run in before]


def test_the_form_shows_only_the_fields_that_mean_something_for_the_preset(page: Page) -> None:
    open_launch(page, "softmax-resnet18-last")
    for name in ("features-node", "features-pooling", "features-standardize"):
        expect(page.locator(f"#field-{name}")).to_be_visible()
    expect(page.locator("#field-features-node")).to_have_value("layer4")
    expect(page.locator("#field-weights")).to_be_hidden()
    expect(page.locator("#launch-body")).to_contain_text(
        "the weights of “ResNet-18 fine-tuned” with the same seed"
    )
    page.locator("input[name=preset][value=alexnet-fine-tuned]").check(force=True)
    expect(page.locator("#field-features-node")).to_be_hidden()
    expect(page.locator("#field-weights")).to_have_value("imagenet")
    expect(page.locator("#field-model-trained")).to_be_visible()
    page.locator("#field-weights").select_option("none")
    expect(page.locator("#field-model-trained")).to_be_hidden()  # of a random start all layers are trained
    expect(page.locator("#launch-summary")).to_have_text("2 fields differ from the preset")


def test_what_is_offered_follows_the_chosen_model(page: Page, stack: Stack) -> None:
    open_launch(page, "alexnet-fine-tuned")
    help_text = page.locator("#field-weights-help")
    expect(help_text).to_have_text("Not here; bring them with: runyard weights fetch alexnet")
    page.get_by_text("More fields").click()
    page.locator("#field-model-arch").select_option("vgg16")
    expect(help_text).to_have_text("Not here; bring them with: runyard weights fetch vgg16")
    offered = " ".join(page.locator("#field-weights option").all_inner_texts())
    assert "VGG16" in offered
    assert "AlexNet" not in offered
    page.locator("#field-model-arch").select_option("softmax-regression")
    expect(page.locator("#field-weights")).to_be_hidden()
    page.locator("#field-epochs").fill("1")
    run = stack.client.run(submit(page))
    assert run["spec"]["model"]["arch"] == "softmax-regression"
    assert run["spec"]["model"]["weights"]["source"] == "none"


def test_a_data_set_that_can_be_fetched_is_told_with_its_command(page: Page) -> None:
    open_launch(page)
    page.locator("#field-dataset-name").select_option("cifar10")
    expect(page.locator("#launch-body")).to_contain_text(
        "cifar10 is not here: run runyard data fetch cifar10"
    )


def test_a_launch_whose_answer_was_lost_is_stored_once_however_often_it_is_sent(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages += ["409", "ERR_FAILED"]
    blocker = stack.launch(epochs=5000)
    stack.until(lambda: stack.state(blocker) == "running")
    open_launch(page, "vgg16-fine-tuned")
    page.locator("input[name=size][value=published]").check(force=True)
    page.locator("#field-weights").select_option("none")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-submit")).to_have_text("Launch all the same")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/launches", lose, times=1)
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-error")).to_contain_text("cannot be reached")
    stored = stack.client.runs(limit=1)["runs"][0]["id"]
    assert submit(page) == stored
    assert stack.client.runs(limit=1)["runs"][0]["id"] == stored


def test_a_launch_of_hours_is_asked_about_and_sent_after_a_second_click(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("409")
    blocker = stack.launch(epochs=5000)
    stack.until(lambda: stack.state(blocker) == "running")
    open_launch(page, "vgg16-fine-tuned")
    page.locator("input[name=size][value=published]").check(force=True)
    page.locator("#field-dataset-name").select_option("shapes")
    page.locator("#field-weights").select_option("none")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-error")).to_contain_text("on a CPU")
    expect(page.locator("#launch-submit")).to_have_text("Launch all the same")
    page.locator("#field-epochs").fill("9")  # another launch is asked about anew
    expect(page.locator("#launch-submit")).to_have_text("Launch 1 run")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-submit")).to_have_text("Launch all the same")
    run = stack.client.run(submit(page))
    assert run["preset"] == "vgg16-fine-tuned"
    assert run["spec"]["epochs"] == 9
    assert run["spec"]["model"]["weights"]["source"] == "none"


def test_a_corrected_twin_stands_behind_more_presets(page: Page, stack: Stack) -> None:
    page.goto("/#launch")
    twin = page.locator("label.preset", has_text="Softmax regression on the pixels, corrected")
    expect(twin).to_be_hidden()
    page.get_by_text("More presets").click()
    twin.click()
    page.locator("input[name=size][value=quick]").check(force=True)
    page.locator("#field-dataset-name").select_option("shapes")
    page.locator("#field-epochs").fill("1")
    run = stack.wait_for_end(submit(page))
    assert run["preset"] == "softmax-original-corrected"
    assert run["spec"]["loss"]["name"] == "cross_entropy"


def test_an_image_too_small_for_the_model_is_refused_by_the_service_in_the_form(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("422")
    open_launch(page, "alexnet-from-scratch")
    page.locator("#field-dataset-image_size").fill("32")
    page.locator("#launch-submit").click()
    expect(page.locator("#launch-error")).to_contain_text("alexnet needs images of at least 63 pixels")
    expect(page.locator("#field-dataset-image_size")).to_have_value("32")


def test_a_run_that_does_not_exist_says_so(page: Page, allowed_messages: list[str]) -> None:
    allowed_messages.append("404")
    page.goto("/runs/999999")
    expect(page.locator("#missing")).to_be_visible()
