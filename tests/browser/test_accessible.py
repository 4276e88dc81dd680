"""axe finds nothing on any page: names for screen readers, contrast, landmarks, order of headings, in both schemes."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.processes.stack import Stack

CHARTS_ARE_DRAWN = ".main-svg"
LOGIN_PAGE = "/login"


@pytest.fixture(scope="module")
def compared(stack: Stack) -> list[int]:
    """Two runs that ended, of two recipes: every page has something to show."""
    ids = [stack.launch(epochs=2, dataset={"name": "shapes", "train_limit": limit}) for limit in (64, 128)]
    for run_id in ids:
        stack.wait_for_end(run_id)
    return ids


@dataclass(frozen=True)
class Visited:
    """A page, and what is on it once all of it is there."""

    address: Callable[[list[int]], str]
    shows: str


PAGES = {
    "recipes": Visited(lambda _: "/", "tbody tr"),
    "runs": Visited(lambda _: "/?by=runs", "tbody tr[data-run]"),
    "run": Visited(lambda ids: f"/runs/{ids[0]}", CHARTS_ARE_DRAWN),
    "compare": Visited(lambda ids: f"/compare?run={ids[0]}&run={ids[1]}", CHARTS_ARE_DRAWN),
    "report": Visited(lambda _: "/report", "#report h2"),
    "launch": Visited(lambda _: "/launch", "main form"),
    "workers": Visited(lambda _: "/workers", "#workers li"),
    "login": Visited(lambda _: LOGIN_PAGE, "main form"),
    "nothing there": Visited(lambda _: "/no/such/page", "main a"),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("context", "width"),
    [
        ("dark", 1280),
        pytest.param("light", 390, marks=pytest.mark.full),
        pytest.param("dark", 390, marks=pytest.mark.full),
        pytest.param("light", 1280, marks=pytest.mark.full),
    ],
    indirect=["context"],
)
def test_axe_finds_nothing(
    page: Page, compared: list[int], name: str, width: int, allowed_messages: list[str]
) -> None:
    allowed_messages += {"nothing there": ["404"], "login": ["401"]}.get(name, [])
    if name == "login":
        page.context.clear_cookies()  # who is logged in already is led on
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(PAGES[name].address(compared))
    expect(page.locator(PAGES[name].shows).first).to_be_visible()
    found = Axe().run(page).response["violations"]
    told = [
        f"{one['id']} ({one['impact']}): {node['html'][:150]} | {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"][:4]
    ]
    assert told == []


def test_axe_finds_what_is_wrong(page: Page) -> None:
    """The control: an image without a text, and a text that hardly stands out."""
    page.goto("/workers")
    page.evaluate("""() => {
        const image = document.createElement("img");
        image.src = "/static/favicon.svg";
        const faint = document.createElement("p");
        faint.textContent = "hardly to be read";
        faint.style.color = "#eeeeee";
        faint.style.backgroundColor = "#ffffff";
        document.querySelector("main").append(image, faint);
    }""")
    found = {one["id"] for one in Axe().run(page).response["violations"]}
    assert {"image-alt", "color-contrast"} <= found
