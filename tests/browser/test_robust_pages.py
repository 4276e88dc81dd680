"""Pages under bad conditions: hostile text, a lost service, a phone, the dark."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.processes.stack import Stack

HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script> & <a href=\"javascript:1\">x</a>"


def test_hostile_text_in_a_name_is_only_text(page: Page, stack: Stack) -> None:
    overrides = {"dataset": {"name": "shapes"}, "epochs": 1}
    run_id = stack.client.launch(preset="softmax-original", size="quick", overrides=overrides, name=HOSTILE)[
        "runs"
    ][0]
    stack.wait_for_end(run_id)
    page.goto("/?by=runs")
    expect(page.locator(f"tr[data-run='{run_id}']")).to_contain_text("<script>")
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#title")).to_contain_text("<script>")
    expect(page.locator(".plot[data-figure=loss] .main-svg").first).to_be_visible()
    assert page.locator("main img[src=x], main script, main a[href^=javascript]").count() == 0
    assert page.title() != "owned"


@pytest.mark.full
def test_a_killed_service_is_told_and_the_page_heals(
    page: Page, stack: Stack, allowed_messages: list[str]
) -> None:
    allowed_messages += ["ERR_", "Failed to load", "net::"]
    page.goto("/?by=runs")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    (service,) = [p for p in stack.descendants() if "backend.main" in p.cmdline()]
    service.suspend()
    service.kill()
    expect(page.locator("#link")).to_have_attribute("data-link", "lost")
    expect(page.locator("#link")).to_have_attribute("data-link", "live", timeout=60_000)
    run_id = stack.launch(epochs=1)
    expect(page.locator(f"tr[data-run='{run_id}'][data-state=completed]")).to_be_visible(timeout=60_000)


@pytest.mark.parametrize(
    ("context", "width"),
    [
        ("dark", 390),
        ("light", 1280),
        pytest.param("light", 390, marks=pytest.mark.full),
        pytest.param("dark", 1280, marks=pytest.mark.full),
    ],
    indirect=["context"],
)
def test_no_page_scrolls_sideways_and_each_has_its_colours(page: Page, stack: Stack, width: int) -> None:
    run_id = stack.launch(epochs=2)
    stack.wait_for_end(run_id)
    page.set_viewport_size({"width": width, "height": 800})
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    for path in ("/", "/?by=runs", f"/runs/{run_id}"):
        page.goto(path)
        expect(page.locator("#link")).to_have_attribute("data-link", "live")
        if path.startswith("/runs"):
            expect(page.locator(".plot[data-figure=loss] .main-svg").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        brightness = sum(int(part) for part in background.removeprefix("rgb(").rstrip(")").split(","))
        assert (brightness < 200) == dark


def test_the_keyboard_opens_the_help_and_the_filter_and_leads_to_the_launch_form(page: Page) -> None:
    page.goto("/")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    page.keyboard.press("?")
    expect(page.locator("dialog#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#filter")).to_be_focused()
    page.keyboard.type("n")  # while someone types, keys are letters
    expect(page.locator("#filter")).to_have_value("n")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("/launch$"))
