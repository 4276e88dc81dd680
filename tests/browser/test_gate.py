"""The login in a real browser, and what pages of other origins can do with it: nothing."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
from playwright.sync_api import BrowserContext, Page, Response, expect

from tests.browser.conftest import log_in
from tests.processes.stack import ROOT, Stack

LINK = re.compile(r"Open (http://127\.0\.0\.1:\d+/login#\S+) \(this link works once")
LAUNCH = json.dumps(
    {"preset": "softmax-original", "overrides": {"dataset": {"name": "shapes"}}, "name": "foreign"}
)


@pytest.fixture
def allowed_messages() -> list[str]:
    """Chromium writes each refusal into the console, and these tests are about nothing else."""
    refused = [f"the server responded with a status of {status}" for status in (400, 401, 403)]
    foreign = [
        "has been blocked by CORS policy",
        "in a frame because it set 'X-Frame-Options'",
        "frame-ancestors",
    ]
    return [*refused, *foreign, "net::ERR_BLOCKED_BY_RESPONSE", "net::ERR_FAILED"]


@pytest.fixture
def token(stack: Stack) -> str:
    return stack.token_file.read_text().strip()


def command(stack: Stack, *arguments: str) -> str:
    """Run the command line as the person who started the stack; return what it printed."""
    given = {"RUNYARD_HOME": str(stack.home), "RUNYARD_PORT": str(stack.port)}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def is_login(page: Page) -> None:
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_label("Token")).to_be_focused()


def is_runs(page: Page, address: str) -> None:
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{address}/")


# --- getting in and out ---------------------------------------------------------------------------------------


def test_the_link_that_is_printed_at_the_start_opens_the_runs_once(
    stack: Stack, stranger: BrowserContext, address: str
) -> None:
    found = LINK.search(stack.log.read_text())
    assert found, stack.log.read_text()
    page = stranger.new_page()
    page.goto("/")
    is_login(page)
    page.goto(found[1])
    is_runs(page, address)
    stranger.clear_cookies()
    page.goto(found[1])
    expect(page.get_by_role("alert")).to_contain_text("This link has been used")
    expect(page).to_have_url(f"{address}/login")
    page.goto("/")
    is_login(page)


@pytest.mark.full
def test_the_command_line_prints_another_link(stack: Stack, stranger: BrowserContext, address: str) -> None:
    page = stranger.new_page()
    page.goto(command(stack, "login"))
    is_runs(page, address)


@pytest.mark.full
def test_a_link_that_is_opened_on_the_open_login_page_counts(
    stack: Stack, stranger: BrowserContext, address: str
) -> None:
    page = stranger.new_page()
    page.goto("/login")
    is_login(page)
    page.goto(command(stack, "login"))  # another fragment of the same page: nothing is loaded
    is_runs(page, address)


def test_a_token_opens_the_page_that_was_asked_for(
    stranger: BrowserContext, address: str, token: str
) -> None:
    page = stranger.new_page()
    page.goto("/report?size=quick#top")
    is_login(page)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("Enter a token first.")
    page.get_by_label("Token").fill("a wrong one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("This token opens nothing here")
    page.get_by_label("Token").fill(f" {token} ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Log in")
    assert page.url.startswith(f"{address}/report?size=quick")
    assert page.url.endswith("#top")


def test_no_script_of_a_page_sees_the_login(context: BrowserContext, token: str) -> None:
    page = context.new_page()
    page.goto("/")
    assert page.evaluate("document.cookie") == ""
    (cookie,) = context.cookies()
    assert cookie.get("httpOnly")
    assert cookie.get("sameSite") == "Strict"
    assert token not in str(cookie)


@pytest.mark.full
@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/..//evil.example",
        "https://evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "blob:{address}/x",
        "{address}@evil.example/",
        "evil.example",
        "/login?next=//evil.example",
        "",
    ],
)
def test_a_login_goes_on_to_our_own_pages_alone(
    context: BrowserContext, address: str, wanted: str, allowed_messages: list[str]
) -> None:
    allowed_messages.append("404 (Not Found)")  # ours, of an address that is none
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append("a dialog"))
    wanted = wanted.format(address=address)
    with page.expect_navigation(url=re.compile(f"^{re.escape(address)}/(?!login)")):
        page.goto(f"/login?next={quote(wanted, safe='')}")
    assert [url for url in asked if not url.startswith(f"{address}/")] == []


def test_logging_out_ends_the_login_on_every_page(context: BrowserContext, token: str) -> None:
    page = context.new_page()
    for path in ("/", "/report"):
        log_in(context, token)
        page.goto(path)
        page.get_by_role("button", name="Log out").click()
        is_login(page)
        page.goto(path)
        is_login(page)
        assert context.cookies() == []


@pytest.mark.full
def test_a_page_whose_login_ended_leads_to_a_new_one_and_back(
    context: BrowserContext, address: str, token: str
) -> None:
    page = context.new_page()
    page.goto("/?state=failed")
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    context.clear_cookies()
    expect(page).to_have_url(f"{address}/login?next=%2F%3Fstate%3Dfailed")  # by its next look at the status
    page.get_by_label("Token").fill(token)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{address}/?state=failed")


@pytest.mark.full
def test_a_stream_that_is_refused_leads_to_the_login(context: BrowserContext, address: str) -> None:
    """As after a restart that came with another token: the stream ends, and its next opening is refused."""
    page = context.new_page()
    page.clock.install()  # the page's timers stand still: nothing but the stream asks
    page.goto("/")
    page.clock.run_for(1000)
    expect(page.locator("#link")).to_have_attribute("data-link", "live")
    context.clear_cookies()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(page).to_have_url(f"{address}/login?next=%2F")


def test_a_viewer_sees_all_and_is_told_that_nothing_changes(stack: Stack, stranger: BrowserContext) -> None:
    log_in(stranger, command(stack, "token", "create", "browser-viewer"))
    run = stack.launch(epochs=500)
    stack.until(lambda: stack.state(run) == "running")
    page = stranger.new_page()
    page.goto(f"/runs/{run}")
    expect(page.locator("#state")).to_contain_text("epoch")
    page.locator("#cancel [data-action=cancel]").click()
    page.locator("#cancel [data-action=confirm-cancel]").click()
    expect(page.locator("#notices")).to_contain_text("This login may look and change nothing")
    assert stack.state(run) == "running"
    command(stack, "token", "revoke", "browser-viewer")
    page.goto("/")
    is_login(page)


@pytest.mark.full
@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("width", [375, 1280])
def test_the_login_page_fits_and_keeps_its_policy(context: BrowserContext, width: int) -> None:
    context.clear_cookies()
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.set_viewport_size({"width": width, "height": 800})
    page.goto("/login")
    is_login(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert [text for text in said if "401" not in text] == []


# --- pages of other origins -----------------------------------------------------------------------------------


@pytest.fixture
def foreign() -> Iterator[int]:
    """The port of a server whose pages are empty: another origin of the same machine."""

    class Empty(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>foreign</title><body>")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["127.0.0.1", "localhost"])
def foreign_page(request: pytest.FixtureRequest, context: BrowserContext, foreign: int) -> Page:
    """A page of another port of this host, whose requests carry the login cookie, and one of another host."""
    page = context.new_page()
    page.goto(f"http://{request.param}:{foreign}/")
    return page


@pytest.fixture
def nothing_is_launched(stack: Stack) -> Iterator[None]:
    before = stack.client.runs()["runs"]
    yield
    assert [run["id"] for run in stack.client.runs()["runs"]] == [run["id"] for run in before]


REACHED = "ERR_BLOCKED_BY_RESPONSE.NotSameOrigin"
"""The browser sent the request, login cookie and all, and keeps the answer from the page that asked."""

FETCHES = {
    "as a form sends text": ("no-cors", "text/plain", REACHED),
    "as a form sends fields": ("no-cors", "application/x-www-form-urlencoded", REACHED),
    "JSON that needs no leave": ("no-cors", "application/json", REACHED),  # sent as text/plain
    "JSON that needs leave": ("cors", "application/json", "ERR_FAILED"),
}


@pytest.mark.usefixtures("nothing_is_launched")
@pytest.mark.parametrize("how", FETCHES)
def test_a_foreign_page_launches_nothing_by_fetch(foreign_page: Page, address: str, how: str) -> None:
    mode, kind, failure = FETCHES[how]
    with foreign_page.expect_event("requestfailed") as request:
        foreign_page.evaluate(
            """([url, mode, kind, body]) => fetch(url, { method: "POST", credentials: "include", mode, body,
                headers: { "Content-Type": kind } }).catch(() => {})""",
            [f"{address}/api/launches", mode, kind, LAUNCH],
        )
    assert request.value.url == f"{address}/api/launches"
    assert failure in request.value.failure


@pytest.mark.usefixtures("nothing_is_launched")
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_foreign_page_launches_nothing_by_a_form(foreign_page: Page, address: str, kind: str) -> None:
    statuses = answers_of(foreign_page, f"{address}/api/launches")
    with foreign_page.expect_navigation():
        foreign_page.evaluate(
            """([url, kind, body]) => {
                const form = document.createElement("form");
                Object.assign(form, { method: "post", action: url, enctype: kind });
                const field = document.createElement("input");
                [field.name, field.value] = [body.slice(0, -1) + ', "x": "', '"}'];
                form.append(field);
                document.body.append(form);
                form.submit();
            }""",
            [f"{address}/api/launches", kind, LAUNCH],
        )
    assert statuses == [403]


def test_a_foreign_page_cancels_nothing(stack: Stack, foreign_page: Page, address: str) -> None:
    """What needs no body needs no leave of the browser, and the cookie comes along: the origin alone gives it away."""
    run = stack.launch(epochs=500)
    url = f"{address}/api/runs/{run}/cancel"
    with foreign_page.expect_event("requestfailed") as request:
        foreign_page.evaluate(
            """(url) => fetch(url, { method: "POST", credentials: "include", mode: "no-cors" }).catch(() => {})""",
            url,
        )
    assert REACHED in request.value.failure
    statuses = answers_of(foreign_page, url)
    with foreign_page.expect_navigation():
        foreign_page.evaluate(
            """(url) => {
                const form = document.createElement("form");
                Object.assign(form, { method: "post", action: url });
                document.body.append(form);
                form.submit();
            }""",
            url,
        )
    assert statuses == [403]
    assert stack.state(run) in ("queued", "running")
    stack.client.cancel(run)
    stack.wait_for_end(run)


@pytest.mark.full
@pytest.mark.usefixtures("nothing_is_launched")
def test_a_foreign_page_sends_no_beacon_that_counts(foreign_page: Page, address: str) -> None:
    with foreign_page.expect_event("requestfailed") as request:
        foreign_page.evaluate(
            "([url, body]) => navigator.sendBeacon(url, body)", [f"{address}/api/launches", LAUNCH]
        )
    assert REACHED in request.value.failure


@pytest.mark.full
def test_a_foreign_page_reads_nothing(foreign_page: Page, address: str) -> None:
    read = foreign_page.evaluate(
        """(url) => fetch(url, { credentials: "include" }).then((answer) => answer.text(), () => "failed")""",
        f"{address}/api/runs",
    )
    assert read == "failed"
    framed = foreign_page.evaluate(
        """(url) => new Promise((done) => {
            const frame = document.createElement("iframe");
            frame.onload = () => { try { done(frame.contentDocument?.title ?? "nothing"); } catch { done("nothing"); } };
            frame.src = url;
            document.body.append(frame);
        })""",
        f"{address}/",
    )
    assert framed == "nothing"


def test_our_own_page_may_launch_with_the_same_request(context: BrowserContext, stack: Stack) -> None:
    """Shows that the refusals above are for where the request came from."""
    page = context.new_page()
    page.goto("/")
    status = page.evaluate(
        """(body) => fetch("/api/launches", { method: "POST", body, headers: { "Content-Type": "application/json" } })
            .then((answer) => answer.status)""",
        LAUNCH,
    )
    assert status == 201
    assert stack.client.runs()["runs"][0]["name"] == "foreign"


def test_a_name_that_is_not_ours_is_not_answered(context: BrowserContext, stack: Stack) -> None:
    """As after DNS rebinding: the browser asks this very service under a foreign name."""
    page = context.new_page()
    answer = page.goto(f"http://evil.localhost:{stack.port}/")
    assert answer is not None
    assert answer.status == 400
    assert "answers to" in answer.text()


@pytest.mark.full
def test_a_link_from_another_site_finds_the_login(foreign_page: Page, address: str) -> None:
    """The strict cookie does not come along with a click elsewhere; the login page notices that it is there."""
    foreign_page.evaluate(
        """(url) => {
            const link = document.createElement("a");
            Object.assign(link, { href: url, textContent: "your report" });
            document.body.append(link);
        }""",
        f"{address}/report#top",
    )
    foreign_page.get_by_text("your report").click()
    expect(foreign_page).to_have_url(re.compile(f"^{re.escape(address)}/report.*#top$"))


def answers_of(page: Page, url: str) -> list[int]:
    """Return a list that fills with the statuses of a URL's answers."""
    statuses: list[int] = []
    listen: Callable[[Response], None] = lambda answer: (  # noqa: E731
        statuses.append(answer.status) if answer.url == url else None
    )
    page.on("response", listen)
    return statuses
