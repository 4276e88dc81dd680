"""The report over seeds in a real browser: cells, verdicts, tolerances, references, stale cells, seeds, own reports.

The service is in the tests' own process and its runs are told, not trained: nothing moves but what a test does.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr

from backend.contract import RunState
from backend.launching import Shelf, new_run
from backend.settings import Settings
from backend.store import launches, migrate
from backend.store.session import Database
from tests.backend.served import Served, client_of, serving
from tests.backend.test_report_seeds import CSV, PLAN, SCRATCH, TUNED, train
from tests.browser.conftest import log_in
from tests.conftest import TOKEN
from tests.store import scenes

VARIANT = "size=quick&dataset=shapes&pretraining=glyphs"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    settings = Settings(home=tmp_path / "home", token=SecretStr(TOKEN))
    settings.make_home()
    opened = Database(settings.resolved_database_url)
    migrate.upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def service(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    settings = Settings(home=tmp_path / "home", token=SecretStr(TOKEN))
    with serving(settings, database, monkeypatch) as served:
        yield served


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, service: Served) -> Iterator[Page]:
    said: list[str] = []
    look: Any = getattr(
        request, "param", {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}}
    )
    with closing(browser.new_context(base_url=service.address, **look)) as context:
        context.set_default_timeout(60_000)
        log_in(context, TOKEN)
        opened = context.new_page()
        opened.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
        opened.on("pageerror", lambda problem: said.append(str(problem)))
        yield opened
    assert [
        text for text in said if "409" not in text and "422" not in text and "Failed to load" not in text
    ] == []


def cell(page: Page, section: str, epoch: int, what: str, metric: str = "test_acc"):
    return page.locator(f"[id='{section}'] tr[data-epoch='{epoch}'] [data-{what}={metric}]")


def load(service: Served) -> None:
    with client_of(service) as client:
        client.import_reference("our-lab", "csv", CSV, title="Our lab")


def test_a_cell_has_mean_half_width_n_difference_and_verdict(
    page: Page, database: Database, service: Served
) -> None:
    train(database, [SCRATCH, TUNED], [0, 1, 2])
    load(service)
    page.goto(f"/report?{VARIANT}&reference=our-lab")
    expect(cell(page, "1.1", 10, "value")).to_have_text("40.0")
    # 4.3027 x 0.02 / sqrt(3) = 0.0497
    expect(cell(page, "1.1", 10, "measured")).to_contain_text("± 5.0 · n 3")
    expect(cell(page, "1.1", 10, "published")).to_have_text("45.0")
    expect(cell(page, "1.1", 10, "delta")).to_have_text("−5.0")
    verdict = cell(page, "1.1", 10, "verdict")
    expect(verdict).to_have_attribute("data-outcome", "reproduced")
    expect(verdict).to_contain_text("reproduced")  # spoken beside its mark
    expect(cell(page, "1.2", 10, "verdict")).to_have_attribute("data-outcome", "better")
    # Nothing was published there: the cells stay empty.
    for what in ("delta", "verdict"):
        expect(cell(page, "1.1", 3, what)).to_have_text("")


def test_the_tolerance_is_edited_on_the_page_and_kept_in_the_address(
    page: Page, database: Database, service: Served
) -> None:
    train(database, [SCRATCH, TUNED], [0, 1, 2])
    load(service)
    page.goto(f"/report?{VARIANT}&reference=published&reference=our-lab")
    points = page.get_by_label("Tolerance of Our lab, in points")
    expect(points).to_have_value("0.05")
    points.fill("35")
    points.press("Enter")
    expect(page).to_have_url(re.compile(r"reference=published&reference=our-lab%3A35$"))
    last = page.locator("[id='1.2'] tr[data-epoch='10'] [data-verdict=test_acc]").nth(1)
    expect(last).to_have_attribute("data-outcome", "reproduced")
    page.reload()
    expect(page.get_by_label("Tolerance of Our lab, in points")).to_have_value("35")
    page.go_back()
    expect(page.get_by_label("Tolerance of Our lab, in points")).to_have_value("0.05")
    expect(last).to_have_attribute("data-outcome", "better")


def test_a_pasted_table_stands_beside_the_published_one_and_a_wrong_one_is_told(
    page: Page, database: Database
) -> None:
    train(database, [SCRATCH], [0, 1, 2])
    page.goto(f"/report?{VARIANT}")
    page.get_by_role("button", name="Your own table…").click()
    page.locator("#import-name").fill("pasted")
    page.locator("#import-text").fill("experiment,test_acc\nalexnet-from-scratch,40\n")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator("#import-said")).to_contain_text("Write 0.4 for 40%.")
    page.locator("#import-text").fill("experiment,test_acc\nalexnet-from-scratch,0.4\n")
    page.get_by_role("button", name="Add it").click()
    expect(page.locator(".reference-list li")).to_have_count(2)
    mark = page.locator("[id='1.1'] tr[data-epoch='10'] [data-verdict=test_acc]").nth(1)
    expect(mark).to_have_attribute("data-outcome", "reproduced")
    # A file is read as it is chosen; what is not wanted any more is removed, and leaves the view.
    page.get_by_role("button", name="Your own table…").click()
    page.locator("#import-file").set_input_files(
        {"name": "from a file.toml", "mimeType": "text/plain", "buffer": b"title = 'x'"}
    )
    expect(page.locator("#import-name")).to_have_value("from-a-file")
    expect(page.locator("#import-format")).to_have_value("toml")
    page.get_by_role("button", name="Remove pasted").click()
    expect(page.locator("#import-list li")).to_have_count(1)
    expect(page.locator(".reference-list li")).to_have_count(1)


def test_both_tests_stand_beside_the_published_sentence(page: Page, database: Database) -> None:
    train(database, [SCRATCH, TUNED], [0, 1, 2])
    page.goto(f"/report?{VARIANT}")
    first = page.locator("[id='1.3'] .comparison").first
    expect(first).to_contain_text("it took the ratio for the gain")
    expect(first.locator("[data-part=measured]")).to_contain_text("2.25 times, +125%")
    expect(first.locator("[data-part=otherwise]")).to_contain_text("The report says 225% greater")
    expect(first.locator("[data-part=models]")).to_contain_text("by McNemar's exact test")
    expect(first.locator("[data-part=recipes]")).to_contain_text("by Welch's t-test")
    page.locator("[id='1.1']").scroll_into_view_if_needed()
    expect(page.locator(".plot[data-figure='1.1'] .main-svg").first).to_be_visible()
    sources = page.evaluate(
        "document.querySelector('.plot[data-figure=\"1.1\"]').data.filter(one => one.meta.metric === 'test_acc').map(one => one.meta.source)"
    )
    assert sources == ["band", "measured", "published"]


def test_missing_seeds_are_queued_once_by_a_button(page: Page, database: Database, service: Served) -> None:
    (run_id,) = train(database, [SCRATCH], [0])
    page.goto(f"/report?{VARIANT}")
    block = page.locator("[id='1.1']")
    expect(cell(page, "1.1", 10, "measured")).to_contain_text("n 1")
    block.get_by_role("button", name="Add seeds 1 and 2").dblclick()
    expect(block.locator(".seed-launch")).to_contain_text("Launched 2 runs.")
    expect(block.get_by_role("button", name="Add seeds 1 and 2")).to_be_hidden()
    with client_of(service) as client:
        runs = client.runs()["runs"]
    assert sorted(run["seed"] for run in runs) == [0, 1, 2]
    assert {run["recipe"] for run in runs if run["id"] != run_id} == {runs[-1]["recipe"]}


def test_cells_are_stale_while_what_changed_is_not_read_yet(page: Page, database: Database) -> None:
    train(database, [SCRATCH], [0])
    (further,) = launch_seed(database, 1)
    page.goto(f"/report?{VARIANT}&seed=0")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    card = page.locator("[id='1.1'] .beside > .card").first
    expect(card).not_to_have_attribute("data-stale", "")
    page.route("**/api/reports/**", lambda route: route.abort())
    claimed = scenes.claim(database)
    assert claimed.run_id == further
    metrics = {"train_loss": 0.3, "train_acc": 0.4, "test_acc": 0.42}
    assert scenes.report(database, claimed, 1, metrics)
    expect(card).to_have_attribute("data-stale", "")
    expect(card).to_contain_text("Runs of this table have changed")
    expect(page.locator("[id='1.2'] .beside > .card").first).not_to_have_attribute("data-stale", "")
    assert scenes.report(database, claimed, 10, metrics)
    assert scenes.end(database, claimed, RunState.COMPLETED)
    page.unroute("**/api/reports/**")
    expect(card).not_to_have_attribute("data-stale", "")
    expect(cell(page, "1.1", 10, "measured")).to_contain_text("n 2")
    expect(cell(page, "1.1", 10, "value")).to_have_text("38.0, 42.0")


def launch_seed(database: Database, seed: int) -> list[int]:
    with database.write() as session:
        wanted = [new_run(PLAN.cells[SCRATCH], seed, Shelf())]
        return launches.accept(session, wanted, body_sha256="0" * 64).run_ids


NOTES = """# Why
**Bold**, *slanted*, `code`, [a link](https://d2l.ai), [no link](javascript:alert(1))

- one
- two

<img src=x onerror="window.hurt = true"> <script>window.hurt = true</script>
"""


def test_an_own_report_is_made_from_a_comparison_edited_shared_and_deleted(
    page: Page, database: Database, service: Served
) -> None:
    runs = train(database, [SCRATCH], [0, 1, 2])
    load(service)
    page.goto("/compare?" + "&".join(f"run={run}" for run in runs))
    page.get_by_role("link", name="Save as report").click()
    expect(page).to_have_url(re.compile("own=new&run=1"))
    page.get_by_label("Title").fill("Three seeds")
    page.get_by_label("Notes, in Markdown").fill(NOTES)
    expect(page.locator(".preview h2")).to_have_text("Why")
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile("own=1$"))
    expect(page.locator("h1")).to_have_text("Three seeds")
    notes = page.locator("#own .notes").first
    expect(notes.locator("strong")).to_have_text("Bold")
    expect(notes.locator("a")).to_have_count(1)
    expect(notes.locator("li")).to_have_count(2)
    expect(notes).to_contain_text('<img src=x onerror="window.hurt = true">')
    assert page.evaluate("window.hurt === undefined")
    expect(page.locator("#own tbody tr")).to_have_count(1)
    expect(page.locator("#own [data-measured=test_acc]")).to_have_text("40.0 ± 5.0")
    # A row is bound to a reference, and judged by it.
    page.get_by_role("button", name="Edit").click()
    page.locator(".own-rows select").select_option(f'["our-lab","{SCRATCH}"]')
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#own [data-outcome]")).to_have_text("✓ reproduced")
    # Somebody else edits it meanwhile: what is saved after that is refused in a sentence.
    page.get_by_role("button", name="Edit").click()
    with client_of(service) as client:
        client.edit_own_report(1, 2, title="Theirs", runs=list(runs))
    page.get_by_label("Title").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#own [role=alert]")).to_contain_text(
        "is at version 3, and this was made of version 2"
    )
    page.goto("/report?own=1")
    expect(page.locator("h1")).to_have_text("Theirs")
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete this report; its runs stay").click()
    expect(page).to_have_url(re.compile("/report$"))
    page.goto("/report?own=1")
    expect(page.locator("[data-notice=bad]")).to_contain_text("There is no report 1.")


@pytest.mark.parametrize(
    "page",
    [
        {"color_scheme": "light", "viewport": {"width": 390, "height": 900}},
        pytest.param(
            {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}}, marks=pytest.mark.full
        ),
    ],
    indirect=True,
)
def test_nothing_scrolls_sideways(page: Page, database: Database, service: Served) -> None:
    runs = train(database, [SCRATCH], [0, 1, 2])
    load(service)
    with client_of(service) as client:
        client.create_own_report("W" * 150, notes="x" * 300, runs=runs)
    for address in (
        f"/report?{VARIANT}&reference=published&reference=our-lab",
        "/report?own=1",
        "/report?own=new",
    ):
        page.goto(address)
        expect(
            page.locator("article.experiment, #own tbody tr, #own form:not([hidden])").first
        ).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
