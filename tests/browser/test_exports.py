"""Exports from the pages: files, the clipboard, figures for print; a report that opens without a network."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Download, Page, expect
from pydantic import SecretStr

from backend.calls.exporting import TableFormat
from backend.catalog.reports import REPORT
from backend.export import page_numbers
from backend.processes import wait_until
from backend.settings import Settings
from tests.backend.finished_report import VARIANT, finished_report
from tests.backend.served import Served, serving
from tests.browser.conftest import LIMIT_MS, log_in
from tests.browser.test_runs_page import launch_seeds
from tests.conftest import TOKEN
from tests.processes.stack import Stack

WHITE = "rgb(255, 255, 255)"


@pytest.fixture(scope="module")
def runs(stack: Stack) -> list[int]:
    found = [
        run_id
        for lr, count in ((0.2, 3), (0.02, 1))
        for run_id in launch_seeds(stack, 431, count, name=f"export {lr}", epochs=4, optimizer={"lr": lr})
    ]
    for run_id in found:
        assert stack.wait_for_end(run_id)["state"] == "completed"
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Served]:
    """A service in this process over a finished report."""
    home = tmp_path_factory.mktemp("exported")
    settings = Settings(home=home, token=SecretStr(TOKEN))
    settings.make_home()
    database = finished_report(home, migrated_file)
    with pytest.MonkeyPatch.context() as patch, serving(settings, database, patch) as service:
        yield service
    database.dispose()


def compare(runs: list[int]) -> str:
    return "/compare?" + "&".join(f"run={run_id}" for run_id in runs)


def open_menu(page: Page):
    page.locator("#export > .export > button").click()
    panel = page.get_by_role("group", name="Export", exact=True)
    expect(panel).to_be_visible()
    return panel


def part(page: Page, title: str):
    return page.get_by_role("group", name=title, exact=True)


def saved(page: Page, group: str, label: str) -> Download:
    with page.expect_download(timeout=LIMIT_MS) as told:
        part(page, group).get_by_text(label, exact=True).click()
    return told.value


def test_each_table_and_all_points_are_saved_as_the_service_has_them(
    page: Page, stack: Stack, runs: list[int]
) -> None:
    page.goto(compare(runs))
    open_menu(page)
    for label, form, suffix in FORMS:
        download = saved(page, "Table", label)
        assert re.fullmatch(rf"runyard-comparison-[0-9-]+\.{suffix}", download.suggested_filename)
        assert body(download.path().read_text()) == body(stack.client.export_comparison(runs, form))
    points = json.loads(saved(page, "All points", "JSON").path().read_text())["points"]
    assert {point["run"] for point in points} == set(runs)
    numbers = stack.numbers(runs[0])
    assert [
        one["value"] for one in points if (one["run"], one["metric"]) == (runs[0], "test_acc")
    ] == numbers["test_acc"]
    csv = saved(page, "All points", "CSV").path().read_text().splitlines()
    assert len(csv) == len(points) + 1


FORMS: tuple[tuple[str, TableFormat, str], ...] = (
    ("CSV", "csv", "csv"),
    ("LaTeX", "latex", "tex"),
    ("Markdown", "markdown", "md"),
)


def body(text: str) -> list[str]:
    """Return the lines without the moment of the export."""
    return [line for line in text.splitlines() if "Runyard 0" not in line]


def test_what_is_exported_is_the_value_that_is_shown(page: Page, runs: list[int]) -> None:
    page.goto(f"{compare(runs)}&value=best&target=0.5")
    open_menu(page)
    text = saved(page, "Table", "Markdown").path().read_text()
    assert "at the best epoch" in text
    assert "Time to 50.0%" in text


def test_tables_are_copied_as_text(page: Page, stack: Stack, runs: list[int]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(compare(runs))
    panel = open_menu(page)
    for label, form, _ in FORMS[1:]:
        part(page, "Copy").get_by_role("button", name=label, exact=True).click()
        expect(panel.get_by_role("status")).to_have_text("Copied")
        assert body(page.evaluate("navigator.clipboard.readText()")) == body(
            stack.client.export_comparison(runs, form)
        )
        page.evaluate("document.querySelector('.export-said').textContent = ''")


@pytest.mark.parametrize("context", ["dark", pytest.param("light", marks=pytest.mark.full)], indirect=True)
def test_the_figure_is_saved_as_shown_in_the_colours_of_print(page: Page, runs: list[int]) -> None:
    page.goto(compare(runs))
    expect(page.locator("#plot .main-svg").first).to_be_visible()
    shown = page.evaluate("document.querySelector('#plot').data.map(({name, y}) => [name, y])")
    open_menu(page)
    download = saved(page, "Figure", "SVG")
    assert download.suggested_filename == "runyard-figure-Test-accuracy.svg"
    svg = ElementTree.parse(download.path()).getroot()
    texts = ["".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert "Test accuracy" in texts
    assert {name for name, _ in shown if name} & set(texts)
    whole = ElementTree.tostring(svg, encoding="unicode")
    assert "fill: rgb(255, 255, 255)" in whole  # the paper
    assert "rgb(0, 114, 178)" in whole  # the first series on a light surface
    assert "rgb(27, 28, 31)" not in whole  # the dark surface
    png = saved(page, "Figure", "PNG").path().read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert (int.from_bytes(png[16:20]), int.from_bytes(png[20:24])) == (1920, 1080)
    # The page's own chart is as it was.
    assert page.evaluate("document.querySelector('#plot').data.map(({name, y}) => [name, y])") == shown


def test_the_menu_is_worked_by_keys_and_leaves_no_trace(page: Page, runs: list[int]) -> None:
    page.goto(compare(runs))
    button = page.locator("#export > .export > button")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "CSV"
    page.keyboard.press("Escape")
    expect(part(page, "Export")).to_be_hidden()
    assert page.evaluate("document.activeElement.textContent") == "Export"
    open_menu(page)
    page.locator("h1").click()
    expect(part(page, "Export")).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")


@pytest.mark.full
@pytest.mark.parametrize("width", [390, 1280])
def test_the_menu_fits_the_window(page: Page, runs: list[int], width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    for address in (compare(runs), "/report?size=quick&dataset=shapes&pretraining=glyphs&seed=9"):
        page.goto(address)
        box = open_menu(page).bounding_box()
        assert box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= 800
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_pages_and_the_exports_round_alike(page: Page) -> None:
    page.goto("/")
    chosen = random.Random(7)
    shares = [chosen.randrange(10_001) / 10_000 for _ in range(400)] + [0.6125, 0.1225, 0.0005, 1.0, 0.0]
    values = [chosen.choice((1, -1)) * chosen.random() * 10 ** chosen.randrange(-6, 5) for _ in range(400)]
    values += [
        0.0005,
        0.0015,
        0.00095,
        2.5,
        123.5,
        99.9995,
        0.05,
        0.25,
        1e-7,
        9.95e-5,
        9.5,
        59.5,
        3599.5,
        0.0,
        0.95,
        9.95,
    ]
    found = page.evaluate(
        """async ({shares, values}) => {
          const { percent, loss, duration, count } = await import('/static/format.js');
          const { deltaText, differenceText } = await import('/static/report-model.js');
          const { shortNumber } = await import('/static/report-sweep.js');
          return [shares.map(percent), values.map(loss), values.map(duration), values.map(deltaText),
            values.map((one) => differenceText('test_loss', one)), values.map(Math.abs).map(shortNumber), values.map(Math.abs).map(count)];
        }""",
        {"shares": shares, "values": values},
    )
    here = [
        list(map(page_numbers.percent, shares)),
        list(map(page_numbers.loss, values)),
        list(map(page_numbers.duration, values)),
        list(map(page_numbers.signed_points, values)),
        [page_numbers.difference("test_loss", one) for one in values],
        [page_numbers.short(abs(one)) for one in values],
        [page_numbers.count(abs(one)) for one in values],
    ]
    for ours, theirs in zip(here, found, strict=True):
        assert [pair for pair in zip(values, ours, theirs, strict=False) if pair[1] != pair[2]] == []


def test_the_pages_and_the_exports_say_how_sure_an_accuracy_is_alike(page: Page) -> None:
    page.goto("/")
    none = {
        "kind": "none",
        "mean": None,
        "low": None,
        "high": None,
        "n": 0,
        "values": [],
        "seeds": [],
        "images": None,
    }
    three = {
        **none,
        "kind": "t",
        "mean": 0.6125,
        "low": 0.6,
        "high": 0.625,
        "n": 3,
        "values": [0.6, 0.61, 0.6275],
    }
    cases = [
        three,
        {**three, "low": 0.6123, "high": 0.6127},
        {**three, "values": [0.6125] * 3},
        {**none, "kind": "two", "mean": 0.6, "n": 2, "values": [0.5995, 0.6005]},
        {
            **none,
            "kind": "wilson",
            "mean": 0.5,
            "low": 0.431,
            "high": 0.569,
            "n": 1,
            "values": [0.5],
            "images": 200,
        },
    ]
    found = page.evaluate(
        "async (cases) => { const { accuracyText } = await import('/static/runs-accuracy.js'); return cases.map(accuracyText); }",
        cases,
    )
    for case, told in zip(cases, found, strict=True):
        numbers = re.findall(
            r"[\d.]+", f"{told['value']} {told['extra'].partition('·')[0].partition('seed')[0]}"
        )
        expected = re.findall(r"[\d.]+", page_numbers.accuracy(case))
        assert numbers[: len(expected)] == expected, (told, page_numbers.accuracy(case))


def test_addresses_figures_and_names_are_made_as_they_should(page: Page) -> None:
    page.goto("/")
    found = page.evaluate(
        """async () => {
          const { comparisonGroups, exportAddress, fileName, forPrint, recoloured, reportGroups, tablesOf, wholeGroups } = await import('/static/export-model.js');
          const dark = { surface: 'rgb(1, 2, 3)', line: 'rgb(4, 5, 6)' };
          const light = { surface: 'rgb(255, 255, 255)', line: 'rgb(200, 200, 200)' };
          const figure = {
            data: [
              { name: 'a', meta: { kind: 'seed' }, line: { color: 'rgb(4, 5, 6)' }, y: [1, null] },
              { name: 'b', meta: { kind: 'main' }, fillcolor: 'rgba(4, 5, 6, 0.16)' },
              { name: 'b', meta: {} },
            ],
            layout: { paper_bgcolor: 'rgb(1, 2, 3)', margin: { l: 50, t: 1 }, font: { color: 'rgb(9, 9, 9)', size: 12 } },
          };
          const before = JSON.stringify(figure);
          const query = new URLSearchParams('run=1&run=2&recipe=abc&value=best&target=0.5');
          const blocks = [{ kind: 'text', id: '0.1' }, { kind: 'experiment', id: '1.1', title: 'x' }, { kind: 'sweep', id: 'S', title: 'y' }];
          return {
            recoloured: recoloured(figure, dark, light),
            untouched: JSON.stringify(figure) === before,
            print: forPrint(figure, 'Title'),
            compare: comparisonGroups(query).map(({ items }) => items.map(({ href, copy, figure }) => href ?? copy ?? figure)),
            whole: wholeGroups('a/b', new URLSearchParams('size=quick&reference=x'))[0].items[0].href,
            report: reportGroups('a/b', new URLSearchParams('size=quick&reference=x'), { id: '1.1', title: 'x', drawn: true }),
            all: reportGroups('n', new URLSearchParams(), null).map(({ title }) => title),
            tables: tablesOf({ sections: [{ blocks }] }),
            name: fileName('figure', '../"Test" accuracy, %'),
            address: exportAddress('/x', new URLSearchParams('format=csv'), 'json'),
          };
        }"""
    )
    data, layout = found["recoloured"]["data"], found["recoloured"]["layout"]
    assert data[0] == {
        "name": "a",
        "meta": {"kind": "seed"},
        "line": {"color": "rgb(200, 200, 200)"},
        "y": [1, None],
    }
    assert data[1]["fillcolor"] == "rgba(200, 200, 200, 0.16)"
    assert (layout["paper_bgcolor"], layout["font"]["color"]) == (WHITE, "rgb(9, 9, 9)")
    assert found["untouched"]
    assert [trace["showlegend"] for trace in found["print"]["data"]] == [False, True, False]
    assert found["print"]["layout"]["margin"]["l"] == 50
    table, copied, points, figure = found["compare"]
    assert table[0] == "/api/compare/export?run=1&run=2&recipe=abc&value=best&target=0.5&format=csv"
    assert len(table) == 4
    assert copied == table[2:]
    assert points == [f"/api/compare/points?run=1&run=2&recipe=abc&format={form}" for form in ("csv", "json")]
    assert figure == ["svg", "png"]
    assert found["whole"] == "/api/reports/a%2Fb/export?size=quick&reference=x&format=html"
    assert (
        found["report"][0]["items"][0]["href"]
        == "/api/reports/a%2Fb/export?size=quick&reference=x&table=1.1&format=csv"
    )
    assert [group["title"] for group in found["report"]] == ["Table", "Copy", "Figure"]
    assert found["all"] == ["All tables", "Copy"]
    assert found["tables"] == [
        {"id": "1.1", "title": "x", "drawn": True},
        {"id": "S", "title": "y", "drawn": False},
    ]
    assert found["name"] == "runyard-figure-Test-accuracy"
    assert found["address"] == "/x?format=json"


def test_the_exported_report_opens_without_a_network_and_shows_the_numbers_of_the_service(
    browser: Browser, report: Served, tmp_path: Path
) -> None:
    address = f"{report.address}/report?size=quick&dataset=shapes&pretraining=glyphs&seed=1"
    with closing(browser.new_context(base_url=report.address, accept_downloads=True)) as context:
        context.set_default_timeout(LIMIT_MS)
        log_in(context, TOKEN)
        page = context.new_page()
        page.goto(address)
        open_menu(page)
        download = saved(page, "Whole report", "One HTML file")
        assert download.suggested_filename == f"runyard-{REPORT}-quick-shapes-seed-1.html"
        file = tmp_path / "report.html"
        download.save_as(file)
        view = context.request.get(
            f"/api/reports/{REPORT}", params={**VARIANT, "size": "quick", "seed": 1}
        ).json()
        on_page = cells_of_page(page, view)
    document = opened_offline(browser, file)
    compared = 0
    for block in experiments(view):
        shown = document["tables"][block["id"]]
        assert len(shown) == len(block["rows"])
        for cells, row in zip(shown, block["rows"], strict=True):
            assert numbers(cells) == expected_numbers(row, block["columns"])
            assert numbers(cells) == on_page[block["id"]][row["epoch"]]
            compared += len(numbers(cells))
    assert compared > 500
    assert document["title"] == view["title"]
    store = view["cursor"].rpartition("-")[0]
    assert re.search(rf"{store}-\d+ \(its id", document["text"])  # the events go on
    for block in (block for section in view["sections"] for block in section["blocks"]):
        for item in block.get("items", ()) if block["kind"] == "comparison" else ():
            for words in (item["stated"], item["published"], item["measured"], item["remark"], item["note"]):
                assert (words or "") in document["text"]
    assert document["figures"] == len(experiments(view))


def opened_offline(browser: Browser, file: Path) -> dict[str, Any]:
    """Open a file with no network; what it asks for beside itself, or complains of, fails the test."""
    asked: list[str] = []
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        said.append(message.text)

    with closing(
        browser.new_context(offline=True, viewport={"width": 1280, "height": 900}, color_scheme="dark")
    ) as context:
        context.on("console", listen)
        context.on("weberror", lambda problem: said.append(str(problem.error)))
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(file.as_uri())
        found = page.evaluate(
            """() => ({
              title: document.title,
              text: document.body.textContent,
              tables: Object.fromEntries([...document.querySelectorAll('table[data-table]')].map((table) =>
                [table.dataset.table, [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent))])),
              figures: [...document.querySelectorAll('figure svg')].filter((svg) => svg.getBoundingClientRect().height > 100).length,
              background: getComputedStyle(document.body).backgroundColor,
              scrolls: document.documentElement.scrollWidth > innerWidth,
            })"""
        )
        assert found["background"] == WHITE  # also where the reader's scheme is dark
        assert not found["scrolls"]
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        pdf = page.pdf(format="A4", print_background=True)
        assert pdf.startswith(b"%PDF")
        assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") >= 4
    assert asked == [file.as_uri()]
    assert said == []
    return found


def experiments(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        block for section in view["sections"] for block in section["blocks"] if block["kind"] == "experiment"
    ]


def numbers(cells: list[str]) -> list[str]:
    return [number for cell in cells for number in re.findall(r"[+−]?\d[\d.,]*(?:e[+-]\d+)?|NaN|∞", cell)]


def expected_numbers(row: dict[str, Any], columns: list[str]) -> list[str]:
    """Return the numbers of a row as the answer of the service has them, rounded."""
    found = [str(row["epoch"])]
    for metric in columns:
        cell, judged = row["cells"][metric], row["judged"][0][metric]
        scale, decimals = (100, 1) if metric.endswith("acc") else (1, 3)
        half = page_numbers.loss(cell["half"]) if scale == 1 else f"{100 * cell['half']:.1f}"
        found += [f"{scale * row['published'][metric]:.{decimals}f}"] if judged else []
        found += [page_numbers.fixed(scale * cell["mean"], decimals), half]
        if judged:
            delta = page_numbers.fixed(abs(judged["delta"]), decimals)
            found.append(delta if float(delta) == 0 else f"{'−' if judged['delta'] < 0 else '+'}{delta}")
    return [*found, str(row["cells"]["test_acc"]["n"])]


def cells_of_page(page: Page, view: dict[str, Any]) -> dict[str, dict[int, list[str]]]:
    """Return the numbers of the tables as the page shows them, in the order of the export: n once, at the end."""
    expect(page.locator("article.experiment")).to_have_count(len(experiments(view)))
    rows = page.evaluate(
        """() => [...document.querySelectorAll('article.experiment')].map((block) => [block.id,
          [...block.querySelectorAll('table.versus tbody tr')].map((row) => [Number(row.dataset.epoch), [...row.cells].map((cell) =>
            [cell.querySelector('[data-value]')?.textContent ?? cell.textContent, cell.querySelector('.interval')?.textContent ?? '', cell.className])])])"""
    )
    found: dict[str, dict[int, list[str]]] = {}
    for name, lines in rows:
        for epoch, cells in lines:
            texts, n = [], ""
            for text, spread, classes in cells:
                if "mark" in classes.split():
                    continue
                half, _, count = spread.rpartition("n ")
                n = count or n
                texts += [text, half]
            found.setdefault(name, {})[epoch] = numbers([*texts, n])
    return found


@pytest.mark.full
def test_the_figure_of_an_experiment_is_saved_before_it_was_looked_at(
    browser: Browser, report: Served
) -> None:
    with closing(
        browser.new_context(base_url=report.address, color_scheme="dark", accept_downloads=True)
    ) as context:
        context.set_default_timeout(LIMIT_MS)
        log_in(context, TOKEN)
        page = context.new_page()
        page.goto("/report?size=quick&dataset=shapes&pretraining=glyphs&seed=1")
        panel = open_menu(page)
        panel.get_by_label("Which table").select_option("3.3")
        download = saved(page, "Figure", "SVG")
        assert download.suggested_filename.startswith("runyard-figure-3-3-")
        whole = download.path().read_text()
        assert "fill: rgb(255, 255, 255)" in whole
        assert "rgb(213, 94, 0)" in whole
        text = saved(page, "Table", "Markdown").path().read_text()
        assert text.count("| 10 |") == 1
        assert wait_until(lambda: panel.get_by_role("status").inner_text() != "Copied", 5)
