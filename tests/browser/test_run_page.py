"""The page of one run: its family, what can be done once it is over, what it predicted, what it leaves behind."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from safetensors.numpy import load_file

from tests.browser.silence import HOUR, Silence, looking_at, silence
from tests.processes.images import import_command
from tests.processes.stack import Stack

LIMIT_MS = 60_000
IS_DRAWN = "image => image.complete && image.naturalWidth > 0"


def answer(page: Page, path: str) -> Any:
    """Return what the API answers to the browser that is logged in."""
    found = page.request.get(path)
    assert found.ok, found.text()
    return found.json()


def cancelled(stack: Stack, run_id: int) -> dict[str, Any]:
    stack.client.cancel(run_id)
    return stack.wait_for_end(run_id)


@pytest.fixture(scope="module")
def finished(stack: Stack) -> int:
    """A run of three epochs that has come to its end."""
    run_id = stack.launch(epochs=3, eval_batch_size=103)
    stack.wait_for_end(run_id)
    return run_id


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


@pytest.mark.full
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


@pytest.mark.full
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


# What it predicted.


def rows_of_matrix(page: Page) -> list[Locator]:
    return page.get_by_role("table", name="Confusion matrix").locator("tbody tr").all()


@pytest.mark.full
def test_the_numbers_by_class_are_those_of_the_api_each_with_its_bar(page: Page, finished: int) -> None:
    page.goto(f"/runs/{finished}")
    expect(page.locator("#confusion table")).to_be_visible()
    told = answer(page, f"/api/runs/{finished}/predictions")
    rows = rows_of_matrix(page)
    assert [row.locator("th").inner_text() for row in rows] == told["classes"]
    shown = [row.locator("td.pair").inner_text().strip() for row in rows]
    assert shown == [f"{100 * share:.1f}" for share in told["per_class_accuracy"]]
    for row, share in zip(rows, told["per_class_accuracy"], strict=True):
        transform = row.locator(".bar i").evaluate("bar => new DOMMatrix(getComputedStyle(bar).transform).a")
        assert transform == pytest.approx(share, abs=1e-3)


def test_wrongly_classified_images_are_shown_with_what_they_were_taken_for(page: Page, finished: int) -> None:
    page.goto(f"/runs/{finished}")
    told = answer(page, f"/api/runs/{finished}/mistakes")
    assert len(told["images"]) == 48 < told["wrong"]
    expect(page.locator("#mistakes-text")).to_have_text(
        f"{told['wrong']} of 500 test images are wrong; these are the 48 that it was surest of"
    )
    tiles = page.locator("#mistakes li")
    expect(tiles).to_have_count(20)
    page.locator("#mistakes-more").click()
    expect(tiles).to_have_count(48)
    for tile, mistake in zip(tiles.all(), told["images"], strict=True):
        expect(tile.locator(".mistake")).to_have_text(f"took {mistake['true']} for {mistake['predicted']}")
        image = tile.get_by_role("img")
        image.scroll_into_view_if_needed()
        wanted = f"Test image {mistake['number']}: {mistake['true']}, taken for {mistake['predicted']}, "
        assert (image.get_attribute("alt") or "").startswith(wanted)
    last = tiles.last.locator("img").element_handle()
    assert last
    page.wait_for_function(IS_DRAWN, arg=last)
    assert last.evaluate("image => [image.naturalWidth, getComputedStyle(image).imageRendering]") == [
        32,
        "pixelated",
    ]
    page.locator("#mistakes-more").click()
    expect(tiles).to_have_count(20)


@pytest.mark.full
def test_the_pictures_are_the_test_images_themselves(page: Page, stack: Stack, finished: int) -> None:
    (folder,) = (stack.home / "data").glob("shapes-*")
    images, labels = np.load(folder / "test_images.npy"), np.load(folder / "test_labels.npy")
    names = answer(page, f"/api/runs/{finished}/predictions")["classes"]
    for mistake in answer(page, f"/api/runs/{finished}/mistakes")["images"][:5]:
        path = stack.home / "picture.png"
        path.write_bytes(page.request.get(mistake["href"]).body())
        same = (images == np.asarray(Image.open(path))).all(axis=(1, 2, 3))
        assert same.sum() == 1
        assert names[labels[same.argmax()]] == mistake["true"]


def test_last_and_best_are_chosen_for_all_three_and_stay_in_the_address(page: Page, stack: Stack) -> None:
    # So large a step that a later epoch is worse than the best one.
    run_id = stack.launch(epochs=6, optimizer={"lr": 0.5, "momentum": 0.9})
    run = stack.wait_for_end(run_id)
    best, last = run["best_epoch"], run["last"]["epoch"]
    assert best < last
    page.goto(f"/runs/{run_id}")

    def shows(which: str, epoch: int) -> None:
        told = {
            part: answer(page, f"/api/runs/{run_id}/{part}?which={which}")
            for part in ("predictions", "mistakes")
        }
        expect(page.locator("#predictions-text")).to_contain_text(f"Epoch {epoch},")
        expect(page.locator("#mistakes-text")).to_contain_text(f"{told['mistakes']['wrong']} of 500")
        first = f"{100 * told['predictions']['per_class_accuracy'][0]:.1f}"
        expect(page.locator("#confusion tbody tr").first.locator("td.pair")).to_have_text(first)

    shows("last", last)
    page.get_by_role("button", name="Best epoch").click()
    shows("best", best)
    expect(page).to_have_url(re.compile(r"\?which=best$"))
    page.reload()
    shows("best", best)
    expect(page.get_by_role("button", name="Best epoch")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Last epoch").click()
    shows("last", last)
    expect(page).to_have_url(re.compile(f"/runs/{run_id}$"))


@pytest.mark.full
def test_a_run_that_diverged_is_wrong_and_has_no_picture_to_show(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=1, optimizer={"lr": 100.0, "momentum": 0.99, "weight_decay": 10.0})
    stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#mistakes-text")).to_contain_text("none can be shown: the output was no number")
    expect(page.locator("#mistakes li")).to_have_count(0)
    expect(page.locator("#mistakes-more")).to_be_hidden()
    expect(page.locator("#confusion")).to_be_visible()


def test_a_run_that_diverged_says_so_in_words_until_a_retry_from_the_start(page: Page, stack: Stack) -> None:
    run_id = stack.launch(
        epochs=5000,
        dataset={"name": "shapes", "train_limit": 1000, "test_limit": 100},
        optimizer={"lr": 100.0, "momentum": 0.99, "weight_decay": 10.0},
    )
    stack.until(lambda: stack.epochs_done(run_id) >= 2)
    cancelled(stack, run_id)
    page.goto(f"/runs/{run_id}")
    finding = page.locator("#findings [data-rule=diverged]")
    expect(finding.locator("b")).to_have_text("Sick: diverged")  # by a word, not by colour alone
    found = answer(page, f"/api/runs/{run_id}/findings")["findings"]
    (told,) = (one for one in found if one["rule"] == "diverged")
    assert "no number" in told["sentence"]
    for part in ("sentence", "meaning", "advice"):
        expect(finding.get_by_text(told[part], exact=True)).to_be_visible()
    blocker = stack.launch(epochs=5000)
    page.locator("[data-action=retry]").click()
    page.locator("[data-action=confirm-retry]").click()
    expect(page.locator("#state")).to_contain_text("queued")
    expect(page.locator("#findings")).to_be_hidden()
    expect(page.locator("#findings li")).to_have_count(0)
    stack.client.cancel(run_id)
    cancelled(stack, blocker)


HOSTILE = "<img src=x onerror=document.title='owned'>"


@pytest.mark.full
def test_hostile_class_names_are_only_text(page: Page, stack: Stack, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for half, each in (("train", 12), ("test", 12)):
        for name in (HOSTILE, "plain"):
            place = tmp_path / "images" / half / name
            place.mkdir(parents=True)
            for number in range(each):
                pixels = random.integers(0, 256, (64, 64), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
    done = import_command(stack.home, "hostile", str(tmp_path / "images"))
    assert done.returncode == 0, done.stderr
    run_id = stack.launch(epochs=1, dataset={"name": "hostile"}, batch_size=12)
    stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#confusion")).to_contain_text(HOSTILE)
    tiles = page.locator("#mistakes li")
    expect(tiles.first).to_contain_text(HOSTILE)
    picture = tiles.first.locator("img")
    picture.scroll_into_view_if_needed()
    page.wait_for_function(IS_DRAWN, arg=picture.element_handle())
    assert HOSTILE in (picture.get_attribute("alt") or "")
    assert page.locator("main img").count() == tiles.count()
    assert page.title() != "owned"


# What it leaves behind.


def test_a_checkpoint_is_downloaded_and_holds_the_weights(page: Page, finished: int, tmp_path: Path) -> None:
    page.goto(f"/runs/{finished}")
    expect(page.locator("#checkpoints-text")).to_have_text("of epoch 3")
    row = page.locator("#checkpoints li[data-part=weights]")
    with page.expect_download() as waiting:
        row.get_by_role("link", name="Download Weights").click()
    assert waiting.value.suggested_filename == f"run-{finished}-epoch-3.safetensors"
    path = tmp_path / "weights.safetensors"
    waiting.value.save_as(path)
    weights = load_file(path)
    assert {name: value.shape for name, value in weights.items()} == {"1.weight": (10, 3072), "1.bias": (10,)}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    expect(row.locator("code")).to_have_text(digest[:12])
    expect(row.locator("code")).to_have_attribute("title", digest)
    expect(row).to_contain_text("120 KiB")


def test_a_checkpoint_within_the_first_epoch_can_be_resumed_and_is_told_by_its_step(page: Page) -> None:
    page.goto("/workers")  # any page that stays: the modules are pure
    told = page.evaluate(
        """async () => {
        const { wishesFor } = await import('/static/run-actions.js');
        const { placeText } = await import('/static/format.js');
        const failed = { state: 'failed', last: null };
        const places = [{ epoch: 0, step: 500 }, null];
        return [...places.map((checkpoint) => wishesFor({ ...failed, checkpoint }).resume),
          placeText(0, 500), placeText(3, 40), placeText(3, 0)];
    }"""
    )
    assert told == [True, False, "step 500 of epoch 1", "step 40 of epoch 4", "epoch 3"]


@pytest.mark.full
def test_the_hash_of_a_checkpoint_is_copied_whole(page: Page, finished: int) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{finished}")
    row = page.locator("#checkpoints li[data-part=state]")
    row.get_by_role("button", name="Copy the SHA-256").click()
    expect(row).to_contain_text("Copied")
    listed = answer(page, f"/api/runs/{finished}/checkpoints")
    assert page.evaluate("navigator.clipboard.readText()") == listed[1]["sha256"]


@pytest.mark.full
def test_a_checkpoint_that_lies_elsewhere_is_told_with_its_worker(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages.append("404")
    run_id = stack.launch(epochs=1)
    run = stack.wait_for_end(run_id)
    for file in (stack.home / "runs" / str(run_id)).iterdir():
        file.unlink()
    page.goto(f"/runs/{run_id}")
    worker = run["attempts"][0]["worker"]
    expect(page.locator("#checkpoints-empty")).to_have_text(
        f"The checkpoint attempt-1-epoch-1 of run {run_id} is not on this machine: it lies with the worker {worker}."
    )


def test_a_run_leads_to_its_clone_and_to_the_comparison_with_its_siblings(page: Page, stack: Stack) -> None:
    overrides = {
        "dataset": {"name": "shapes", "train_limit": 400, "test_limit": 100},
        "epochs": 1,
        "eval_batch_size": 104,
    }
    runs = stack.client.launch(preset="softmax-original", overrides=overrides, seeds=[0, 1, 2])["runs"]
    for run_id in runs:
        stack.wait_for_end(run_id)
    page.goto(f"/runs/{runs[1]}")
    expect(page.locator("#siblings-line")).to_contain_text(f"run {runs[0]}, seed 0 completed")
    expect(page.locator("#siblings-line")).to_contain_text(f"run {runs[2]}, seed 2 completed")
    expect(page.locator("#compare")).to_have_text("Compare with 2 others of its recipe")
    wanted = f"/compare?run={runs[1]}&run={runs[0]}&run={runs[2]}"
    expect(page.locator("#compare")).to_have_attribute("href", wanted)
    expect(page.locator("#clone")).to_have_attribute("href", f"/launch?clone={runs[1]}")
    page.keyboard.press("c")
    page.wait_for_url(f"**{wanted}")
    page.goto(f"/runs/{runs[1]}")
    expect(page.locator("#siblings-line")).to_be_visible()
    page.locator("#clone").click()
    page.wait_for_url(f"**/launch?clone={runs[1]}")


@pytest.mark.full
@pytest.mark.parametrize(("key", "path"), [("n", "/launch"), ("w", "/workers"), ("r", "/report"), ("u", "/")])
def test_a_key_leads_to_each_page(page: Page, finished: int, key: str, path: str) -> None:
    page.goto(f"/runs/{finished}")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    page.keyboard.press(key)
    page.wait_for_url(f"**{path}")


def test_what_differs_from_the_preset_stands_first_in_the_spec(page: Page, finished: int) -> None:
    page.goto(f"/runs/{finished}")
    changed = page.locator("#spec > .changed")
    expect(changed.first).to_contain_text("dataset.name")
    expect(changed.first).to_contain_text("preset: cifar10")
    paths = changed.locator("dt").all_inner_texts()
    assert paths == page.locator("#spec dt").all_inner_texts()[: len(paths)]
    assert {"dataset.name", "optimizer.lr", "batch_size", "eval_batch_size", "epochs"} <= set(paths)
    assert not {"seed", "recipe", "optimizer.name"} & set(paths)
    expect(page.locator("#spec-text")).to_contain_text(
        f"{len(paths)} fields are not as in the preset “Softmax regression on the pixels”"
    )


@pytest.mark.full
def test_attempts_say_why_they_ended_and_show_the_epochs_that_a_retry_set_aside(
    page: Page, stack: Stack
) -> None:
    run_id = stack.launch(epochs=2000, eval_batch_size=105)
    stack.until(lambda: stack.epochs_done(run_id) >= 2)
    before = cancelled(stack, run_id)
    accuracy = stack.numbers(run_id)["test_acc"][0]
    stack.client.retry(run_id)
    stack.until(lambda: stack.epochs_done(run_id) >= 1)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#attempts tr")).to_have_count(2)
    first, second = page.locator("#attempts tr").all()
    expect(first).to_contain_text("Cancelled by a person")
    expect(first).to_contain_text("the same")
    expect(second).to_contain_text("goes on")
    expect(second).to_contain_text("as above")
    show = first.get_by_role("button", name="Show its epochs")
    show.click()
    aside = page.locator("#aside")
    expect(aside).to_contain_text("Epochs of attempt 1, set aside by the retry")
    expect(aside.locator("tbody tr")).to_have_count(before["last"]["epoch"])
    assert accuracy is not None
    expect(aside.locator("tr[data-epoch='1'] td[data-metric=test_acc]")).to_have_text(f"{100 * accuracy:.1f}")
    show.click()
    expect(aside).to_be_hidden()
    expect(page.locator("#environment")).to_contain_text("PyTorch")
    cancelled(stack, run_id)


# The table of epochs while a run trains.

OFF_END = "box => box.scrollHeight - box.scrollTop - box.clientHeight"


@pytest.mark.full
def test_the_table_of_epochs_follows_its_end_until_a_person_scrolls_up(page: Page, stack: Stack) -> None:
    run_id = stack.launch(epochs=5000, dataset={"name": "shapes", "train_limit": 200, "test_limit": 50})
    stack.until(lambda: stack.epochs_done(run_id) >= 20)
    page.goto(f"/runs/{run_id}")
    box = page.locator("#epochs-scroll")

    def wait_for_more(epochs: int = 2) -> None:
        there = page.locator("#epochs tr").count()
        more = "least => document.querySelectorAll('#epochs tr').length >= least"
        page.wait_for_function(more, arg=there + epochs, timeout=LIMIT_MS)

    expect(page.locator("#epochs tr[data-epoch='20']")).to_be_attached()
    wait_for_more()
    assert box.evaluate(OFF_END) <= 1
    # In a narrower window the rows are lower: the end moves up, and down again.
    for width in (500, 1280, 700, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        wait_for_more()
        assert box.evaluate(OFF_END) <= 1, width
    # A picture of the whole page resizes the window twice between two frames.
    for _ in range(6):
        page.screenshot(full_page=True)
        wait_for_more()
        assert box.evaluate(OFF_END) <= 1
    box.hover()
    page.mouse.wheel(0, -200)
    page.wait_for_function("() => document.getElementById('epochs-scroll').scrollTop > 0")
    page.wait_for_function(f"() => ({OFF_END})(document.getElementById('epochs-scroll')) > 100")
    place = box.evaluate("box => box.scrollTop")
    wait_for_more(3)
    assert box.evaluate("box => box.scrollTop") == place
    # Not by the wheel: what a busy machine shows above the table moves it from under the pointer.
    box.evaluate("box => { box.scrollTop = box.scrollHeight }")
    page.wait_for_function(f"() => ({OFF_END})(document.getElementById('epochs-scroll')) <= 1")
    wait_for_more(3)
    assert box.evaluate(OFF_END) <= 1
    cancelled(stack, run_id)


@pytest.mark.full
def test_a_run_that_failed_before_its_first_epoch_shows_no_empty_curves(page: Page, stack: Stack) -> None:
    run_id = stack.launch(
        epochs=1, model={"arch": "resnet18"}, dataset={"name": "shapes", "train_limit": 33}, batch_size=32
    )
    stack.wait_for_end(run_id)
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#failure")).to_contain_text("batch_size is 32")
    for place in ("#curves", "#epochs-part", "#predictions"):
        expect(page.locator(place)).to_be_hidden()
    expect(page.locator("#attempts tr")).to_contain_text("Refused: batch_size is 32")
    expect(page.locator("#checkpoints-empty")).to_contain_text("None")


def test_on_a_phone_nothing_reaches_over_the_edge_and_pictures_are_drawn(page: Page, finished: int) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.goto(f"/runs/{finished}")
    expect(page.locator("#mistakes li")).to_have_count(12)
    expect(page.locator("#checkpoints li")).to_have_count(2)
    picture = page.locator("#mistakes img").last
    picture.scroll_into_view_if_needed()
    page.wait_for_function(IS_DRAWN, arg=picture.element_handle())
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    # The share of a class that is right is seen without scrolling the matrix.
    right = page.locator("#confusion td.pair").first.bounding_box()
    assert right
    assert right["x"] + right["width"] <= 375


# Runs whose workers fell silent: a service of the test's own, in which nothing moves.


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Silence]:
    with pytest.MonkeyPatch.context() as patch, silence(tmp_path_factory.mktemp("silent"), patch) as there:
        yield there


ATTEMPTS = [
    ("1", "Lost: The training process was ended by SIGKILL.", "the start", "30 m 00 s", "worker-0@here"),
    (
        *("2", "Its worker was stopped in good order, and the run went back into the queue"),
        *("epoch 1", "24 m 00 s", "worker-1@here"),
    ),
    (
        "3",
        "Lost: The worker was not heard of until its lease ended.",
        "epoch 1",
        "3 h 30 m",
        "worker-3@there",
    ),
]


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("colours", ["light", "dark"])
def test_each_attempt_says_who_when_from_where_and_why_it_ended(
    browser: Browser, silent: Silence, colours: str, width: int
) -> None:
    with looking_at(silent, browser, colours, width) as page:
        page.goto(f"/runs/{silent.waits}")
        expect(page.locator("#attempts-text")).to_have_text("3 attempts: 2 lost, 1 stopped with its worker")
        rows = page.locator("#attempts tr")
        expect(rows).to_have_count(3)
        for shown, wanted in zip(rows.all(), ATTEMPTS, strict=True):
            cells = shown.locator("td").all()
            number, why, start, began, ended, took, worker, _ = (cell.inner_text() for cell in cells)
            assert (number, why, start, took, worker) == wanted
            assert all(re.search(r"\d\d:\d\d:\d\d$", moment) for moment in (began, ended))
            box = cells[5].bounding_box()
            assert box
            assert box["x"] + box["width"] <= width, "how long it took lies beyond the edge"
        assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_run_that_lost_its_worker_says_how_often_and_when_it_is_tried_again(
    browser: Browser, silent: Silence, colours: str
) -> None:
    with looking_at(silent, browser, colours, 390) as page:
        page.goto(f"/runs/{silent.waits}")
        expect(page.locator("#state")).to_have_text("queued: waits after a loss")
        expect(page.locator("#losses")).to_have_text(
            re.compile(
                r"^2 of 3 losses since the last checkpoint; one more and it is given up\. "
                r"Waits until .*\d\d:\d\d:\d\d before it is tried again\.$"
            )
        )
        expect(page.locator("#stale")).to_be_hidden()


def test_a_stale_run_says_so_on_every_page_until_it_is_heard_of(browser: Browser, silent: Silence) -> None:
    with looking_at(silent, browser) as page:
        page.goto(f"/runs/{silent.stale}")
        expect(page.locator("#state .state")).to_have_attribute("data-state", "stale")
        expect(page.locator("#state")).to_contain_text("stale · ")
        expect(page.locator("#stale")).to_contain_text(
            re.compile(r"^Stale for 4\d min\s*Not heard of since ")
        )
        expect(page.locator("#stale")).to_contain_text("It goes back to the queue at")
        took = page.locator("#attempts [data-took]")
        before = took.inner_text()
        expect(took).not_to_have_text(before)  # the time of an attempt that goes on goes on
        page.goto("/?by=runs")
        state = page.locator(f"tr[data-run='{silent.stale}'] .state")
        expect(state).to_contain_text("stale · ")
        expect(page.locator(f"tr[data-run='{silent.busy}'] .state")).not_to_contain_text("stale")
        page.goto("/")
        expect(page.locator("#recipes .state, tbody .state").first).to_contain_text("running (1 stale)")
        page.goto(f"/runs/{silent.stale}")
        expect(page.locator("#stale")).to_be_visible()
        silent.heard_of(silent.stale, HOUR)
        expect(page.locator("#stale")).to_be_hidden()
        expect(page.locator("#state")).not_to_contain_text("stale")


def test_a_silent_run_is_told_what_becomes_of_it_and_the_time_only_while_it_is_to_come(page: Page) -> None:
    page.goto("/workers")  # any page that stays: the modules are pure
    told = page.evaluate(
        """async () => {
        const { fateText } = await import('/static/run-losses-model.js');
        const runs = [['running', 1], ['running', 2], ['cancelling', 2]];
        const until = '2026-01-02T03:04:05Z';
        const texts = (now) => runs.map(([state, losses]) => fateText({ state, losses, max_losses: 3 }, until, now));
        const time = /at (\\S+ )*\\d\\d:\\d\\d:05/;
        return [-1, 1].map((seconds) => texts(Date.parse(until) + 1000 * seconds).map((text) => text.replace(time, 'at TIME')));
    }"""
    )
    assert told == [
        [
            "goes back to the queue at TIME, unless it is heard of before",
            "fails at TIME with loss 3 of 3 since its last checkpoint, unless it is heard of before",
            "is cancelled at TIME at the latest",
        ],
        [
            "goes back to the queue in a moment",
            "fails in a moment with loss 3 of 3 since its last checkpoint",
            "is cancelled in a moment",
        ],
    ]


OWN_CLOCK = """
    const get = Headers.prototype.get;
    Headers.prototype.get = function (name) { return name === 'Date' ? null : get.call(this, name); };
"""


@pytest.mark.parametrize("path", ["/runs/{}", "/?by=runs", "/"])
def test_a_run_that_waits_after_a_loss_is_said_to_be_queued_once_that_wait_is_over(
    browser: Browser, silent: Silence, path: str
) -> None:
    with looking_at(silent, browser) as page:
        page.add_init_script(OWN_CLOCK)  # an answer on its way would set the clock back
        page.clock.install()
        page.goto(path.format(silent.waits))
        if path == "/":
            page.locator("#by-recipes .expander").click()
        state = page.locator(f"#state, tr[data-run='{silent.waits}'] .state").first
        expect(state).to_have_text("queued: waits after a loss")
        page.clock.fast_forward("01:00:00")  # no event comes: the page must know by itself
        expect(state).to_have_text(re.compile("^queued(?!: waits)"))
