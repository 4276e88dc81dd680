"""A real Chromium before a real Runyard. A page that logs an error or breaks its policy fails its test."""

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from backend.client import ServiceProblem
from tests.processes.stack import Stack

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
LIMIT_MS = 60_000
# A limit, not a wait: a machine may be busy and several times slower than a desk.
expect.set_options(timeout=LIMIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium here: install the package chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict:
    # As root Chromium needs --no-sandbox; it visits nothing but our own pages.
    return {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home = tmp_path_factory.mktemp("browser") / "home"
    with Stack(home, lease_seconds=10, poll_seconds=0.5) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_goes_on(stack: Stack) -> Iterator[None]:
    """Cancel what a test left running, so that one that fails holds up no other."""
    yield
    for state in ("running", "queued", "waiting"):
        for run in stack.client.runs(limit=500, state=state)["runs"]:
            with contextlib.suppress(ServiceProblem):  # it ended by itself, or with its parent
                stack.client.cancel(run["id"])


@pytest.fixture
def address(stack: Stack) -> str:
    return f"http://127.0.0.1:{stack.port}"


@pytest.fixture(params=["light"])
def context(
    request: pytest.FixtureRequest, browser: Browser, address: str, stack: Stack, allowed_messages: list[str]
) -> Iterator[BrowserContext]:
    """A browser that is logged in as operator; what its pages complain of fails the test."""
    said: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            said.append(message.text)

    with contextlib.closing(_context(browser, address, request.param)) as opened:
        opened.on("console", listen)
        opened.on("weberror", lambda problem: said.append(str(problem.error)))
        log_in(opened, stack.token_file.read_text().strip())
        yield opened
    unexpected = [text for text in said if not any(part in text for part in allowed_messages)]
    assert unexpected == []


@pytest.fixture
def stranger(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """A browser that is not logged in."""
    with contextlib.closing(_context(browser, address, "light")) as opened:
        yield opened


def _context(browser: Browser, address: str, colours: Literal["light", "dark"]) -> BrowserContext:
    opened = browser.new_context(
        base_url=address, color_scheme=colours, viewport={"width": 1280, "height": 900}
    )
    opened.set_default_timeout(LIMIT_MS)
    return opened


def log_in(context: BrowserContext, token: str) -> None:
    """Have the service set the login cookie in this context."""
    answer = context.request.post("/api/login", data={"token": token})
    assert answer.ok, answer.text()


@pytest.fixture
def allowed_messages() -> list[str]:
    """What the console may say in a test: a test that provokes a refusal adds it."""
    return []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
