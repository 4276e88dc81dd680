"""Findings on the pages: the mark of a row and what rows are shown by, live; and a change that a finding proposes, launched."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, select

from backend.store.session import Database
from backend.store.tables import Attempt, Point
from tests.browser.conftest import log_in
from tests.processes.stack import Stack

LIMIT_MS = 60_000
DIVERGES = {
    "dataset": {"name": "shapes", "train_limit": 1000, "test_limit": 100},
    "epochs": 20,
    "optimizer": {"lr": 100.0, "momentum": 0.99, "weight_decay": 10.0},
}
"""Its loss is no number after some epochs."""


def launch(stack: Stack, batch: int, seeds: int = 1, **changes: object) -> list[int]:
    """Queue short runs of one recipe that no other test has, known by the size of its test batch."""
    overrides = {
        "dataset": {"name": "shapes", "train_limit": 500, "test_limit": 200},
        "epochs": 3,
        "eval_batch_size": batch,
        **changes,
    }
    return stack.client.launch(preset="softmax-original", overrides=overrides, seeds=list(range(seeds)))[
        "runs"
    ]


def row(page: Page, run_id: int):
    return page.locator(f"tr[data-run='{run_id}']:visible")


def test_a_sick_run_is_marked_in_words_while_the_page_is_open_and_a_retry_takes_it_back(
    page: Page, stack: Stack
) -> None:
    (healthy,) = launch(stack, 701)
    stack.wait_for_end(healthy)
    page.goto("/")
    expect(row(page, healthy)).to_be_visible()
    (sick,) = launch(stack, 702, **DIVERGES | {"epochs": 5000})
    mark = row(page, sick).locator(".mark")
    expect(mark.locator("span").first).to_have_text("sick: diverged")
    expect(mark).to_have_attribute("title", re.compile(r"^Sick: diverged, from epoch \d+\.$"))
    expect(mark).to_contain_text("Sick: diverged, from epoch")  # to a screen reader, without a pointer
    expect(row(page, healthy).locator(".mark[data-severity=sick]")).to_have_count(0)
    stack.client.cancel(sick)
    assert stack.wait_for_end(sick)["state"] == "cancelled"
    (blocker,) = launch(stack, 703, epochs=5000)
    stack.until(lambda: stack.state(blocker) == "running")
    stack.client.retry(sick)
    expect(mark).to_be_hidden()
    expect(row(page, sick)).to_have_attribute("data-state", "queued")
    stack.client.cancel(sick)
    stack.client.cancel(blocker)


def test_rows_are_shown_by_what_was_found_and_the_address_keeps_it(page: Page, stack: Stack) -> None:
    (sick,) = launch(stack, 704, **DIVERGES)
    (healthy,) = launch(stack, 705)
    for run_id in (sick, healthy):
        stack.wait_for_end(run_id)
    stack.until(lambda: bool(stack.client.run(sick)["findings"]))
    page.goto("/")
    expect(row(page, healthy)).to_be_visible()
    choice = page.get_by_label("Show by what was found")
    choice.select_option(label="Diverged")
    expect(row(page, sick)).to_be_visible()
    expect(row(page, healthy)).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?finding=diverged$"))
    page.get_by_role("button", name="Runs", exact=True).click()
    expect(row(page, sick)).to_be_visible()
    page.reload()
    expect(choice).to_have_value("diverged")
    expect(row(page, sick)).to_be_visible()
    expect(row(page, healthy)).to_have_count(0)
    choice.select_option(label="Softmax applied twice")
    expect(row(page, sick)).to_have_count(0)
    choice.select_option(label="Any findings or none")
    expect(row(page, healthy)).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?by=runs$"))


def test_a_recipe_says_how_many_of_its_runs_are_sick(page: Page, stack: Stack) -> None:
    runs = launch(stack, 706, seeds=2, **DIVERGES)
    for run_id in runs:
        stack.wait_for_end(run_id)
        stack.until(lambda run_id=run_id: bool(stack.client.run(run_id)["findings"]))
    page.goto("/?finding=sick")
    body = page.locator(f"tbody[data-recipe='{stack.client.run(runs[0])['recipe']}']")
    expect(body.locator("tr").first.locator(".mark")).to_have_attribute(
        "title", "Sick: diverged, 2 of 2 runs."
    )


@pytest.fixture
def allowed_messages(request: pytest.FixtureRequest) -> list[str]:
    return ["422"] if "refused" in request.node.name else []


def test_an_address_with_a_finding_that_is_none_shows_all_and_is_refused_in_words(
    page: Page, stack: Stack
) -> None:
    (there,) = launch(stack, 707)
    page.goto("/?finding=nonsense")
    expect(row(page, there)).to_be_visible()
    expect(page.get_by_label("Show by what was found")).to_have_value("")


def test_words_of_a_mark_follow_from_the_findings_of_its_runs(page: Page) -> None:
    page.goto("/")
    found = page.evaluate(
        """async () => {
        const { markOf, isFound } = await import('/static/runs-marks-model.js');
        const mark = (rule, severity, title) => ({ rule, severity, title, epoch: 2 });
        const sick = mark('collapsed', 'sick', 'Collapsed to one class');
        const note = mark('still-improving', 'note', 'Still improving');
        const run = (...findings) => ({ findings });
        return {
            none: markOf([run(), run()]),
            one: markOf([run(sick)]),
            both: markOf([run(note, sick)]),
            notes: markOf([run(note), run(note)]),
            several: markOf([run(sick), run(), run(sick, note)]),
            found: ['', 'any', 'sick', 'note', 'collapsed', 'diverged'].map((wanted) => isFound(run(sick), wanted)),
            nothing: ['', 'any', 'sick'].map((wanted) => isFound(run(), wanted)),
        };
    }"""
    )
    assert found["none"] is None
    assert found["one"] == {
        "severity": "sick",
        "text": "sick: collapsed to one class",
        "title": "Sick: collapsed to one class, from epoch 2.",
    }
    assert found["both"]["text"] == "sick: collapsed to one class"
    assert found["both"]["title"].splitlines()[1] == "Note: still improving, from epoch 2."
    assert found["notes"] == {
        "severity": "note",
        "text": "note",
        "title": "Note: still improving, 2 of 2 runs.",
    }
    assert found["several"]["title"].startswith("Sick: collapsed to one class, 2 of 3 runs.")
    assert found["found"] == [True, True, True, False, True, False]
    assert found["nothing"] == [True, False, False]


@pytest.mark.full
@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_marks_fit(browser: Browser, address: str, stack: Stack, tmp_path: Path, colours, width: int) -> None:
    (sick,) = launch(stack, 708, **DIVERGES)
    stack.wait_for_end(sick)
    stack.until(lambda: bool(stack.client.run(sick)["findings"]))
    context = browser.new_context(
        base_url=address, color_scheme=colours, viewport={"width": width, "height": 900}
    )
    log_in(context, stack.token_file.read_text().strip())
    page = context.new_page()
    page.goto("/?by=runs")
    expect(row(page, sick).locator(".mark")).to_be_visible(timeout=LIMIT_MS)
    page.screenshot(path=tmp_path / f"runs-{width}-{colours}.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()


def test_a_change_that_a_finding_proposes_is_launched_as_a_clone(page: Page, stack: Stack) -> None:
    (sick,) = launch(stack, 709, **DIVERGES)
    stack.wait_for_end(sick)
    page.goto(f"/runs/{sick}")
    link = page.locator("#findings [data-rule=diverged]").get_by_role("link")
    expect(link).to_have_text("Clone with learning rate 10")
    link.click()
    expect(page).to_have_url(re.compile(rf"/launch\?clone={sick}&set=optimizer\.lr%3A10$"))
    expect(page.locator(".clone-says")).to_contain_text("Changed already: learning rate.")
    rate = page.locator(".field[data-path='optimizer.lr']")
    expect(rate.locator("input")).to_have_value("10")
    expect(rate).to_have_class(re.compile(r"\bdiffers\b"))
    expect(rate.locator(".back")).to_have_text("↺ 100")
    expect(page.locator(".field[data-path='optimizer.momentum']")).not_to_have_class(re.compile("differs"))
    page.locator("#launch-submit").click()
    expect(page).not_to_have_url(re.compile("/launch"))
    again = stack.client.runs(limit=1)["runs"][0]["id"]
    assert again > sick
    specs = [stack.client.run(run_id)["spec"] for run_id in (sick, again)]
    assert specs[1]["optimizer"] == specs[0]["optimizer"] | {"lr": 10.0}
    assert specs[1] | {"optimizer": None} == specs[0] | {"optimizer": None}


def test_what_an_address_sets_wrongly_is_said_and_left_out(page: Page, stack: Stack) -> None:
    (there,) = launch(stack, 710)
    query = "set=optimizer.lr:0.5&set=no.such:1&set=loss.name:hinge&set=optimizer.beta1:0.5&set=epochs"
    page.goto(f"/launch?clone={there}&{query}")
    said = page.locator("#notices")
    expect(said).to_contain_text("The address sets “no.such:1”, which is no field with a value")
    expect(said).to_contain_text("The address sets loss.name to “hinge”; it may be cross_entropy")
    expect(said).to_contain_text(
        "The address sets optimizer.beta1, which says nothing beside what else is chosen here"
    )
    expect(said).to_contain_text("The address sets “epochs”, which is no field with a value")
    expect(page.locator(".field[data-path='optimizer.lr'] input")).to_have_value("0.5")
    expect(page.locator(".clone-says")).to_contain_text("Changed already: learning rate.")
    expect(page.locator(".field.differs:visible")).to_have_count(1)


def test_a_change_becomes_words_and_an_address(page: Page) -> None:
    page.goto("/")
    found = page.evaluate(
        """async () => {
        const { changeText } = await import('/static/findings.js');
        const { changeAddress } = await import('/static/links.js');
        return [
            changeText({ 'loss.name': 'cross_entropy' }),
            changeText({ 'dataset.validation': 0.1, 'early_stopping.patience': 3, epochs: 20 }),
            changeText({ 'early_stopping.patience': null }),
            changeText({ 'some.new.field': 1 }),
            changeAddress(7, { 'optimizer.lr': 0.001, 'early_stopping.patience': null, nesterov: true }),
        ];
    }"""
    )
    assert found[0] == "loss cross-entropy"
    assert re.fullmatch(r".* 0\.1, patience 3 and epochs 20", found[1])
    assert found[2:] == [
        "patience never",
        "some.new.field 1",
        "/launch?clone=7&set=optimizer.lr%3A0.001&set=early_stopping.patience%3Anone&set=nesterov%3Atrue",
    ]


def test_runs_that_differ_in_what_no_recipe_says_are_said_to_on_the_compare_page(
    page: Page, stack: Stack
) -> None:
    (one,), (other,) = launch(stack, 711), launch(stack, 712, batch_size=50)
    for run_id in (one, other):
        stack.wait_for_end(run_id)
    page.goto(f"/compare?run={one}&run={other}")
    expect(page.locator("#results tr").first).to_be_visible()
    expect(page.locator("#between")).to_be_hidden()
    with Database(f"sqlite:///{stack.home / 'runyard.db'}").write() as session:
        row = session.get_one(Attempt, (other, 1))
        row.environment = {**(row.environment or {}), "torch": "1.0.0"}
    page.reload()
    finding = page.locator("#between [data-rule=data-or-versions-differ]")
    expect(finding.locator("b")).to_have_text("Note: data or versions differ")
    expect(finding).to_contain_text("torch (1.0.0")
    with Database(f"sqlite:///{stack.home / 'runyard.db'}").write() as session:
        session.execute(delete(Point).where(Point.run_id == other))
        for name, step, epoch, value in session.execute(
            select(Point.name, Point.step, Point.epoch, Point.value).where(Point.run_id == one)
        ).all():
            session.add(Point(run_id=other, name=name, step=step, epoch=epoch, value=value, at=0.0))
    page.reload()
    finding = page.locator("#between [data-rule=identical-curves]")
    expect(finding.locator("b")).to_have_text("Sick: identical curves")
    expect(finding).to_contain_text(
        re.compile(rf"Run {other} \(.*\) repeats run {one} \(.*\) to the last digit")
    )
