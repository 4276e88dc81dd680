"""How soon a comparison of 200 recipes x 1,000 epochs is there, in headless Chromium before a served Runyard.

`make bench BENCH=benchmarks/compare_page.py`; `--recipes`, `--seeds` and `--epochs` make it smaller or larger. The
machine is noisy: medians of several loads by a warm browser (the library of the figures comes from its cache, as for
whoever has seen a page with curves before), the range beside them, and the first load told apart. Beside the walls stand
the CPU seconds of the service and of the page's own thread, which other work on the machine does not lengthen; where more
wants to run than there are cores, walls are told and not judged.
"""

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
from playwright.sync_api import CDPSession, Page, sync_playwright

from backend.client import Client
from backend.processes import wait_until
from backend.settings import Settings
from benchmarks.compared_runs import Size, store_runs
from benchmarks.goals import Goals
from benchmarks.service import serving

TRIES = 5
LIMIT_SECONDS = 120.0
TABLE_SECONDS, CURVES_SECONDS = 0.5, 3.0
"""The goals, for 200 recipes x 1,000 epochs; from the start of the navigation."""

WATCH = """
window.marks = {};
const look = () => {
  const rows = document.querySelectorAll('#results > tr').length;
  const plot = document.getElementById('plot');
  if (!marks.table && rows >= RECIPES) marks.table = performance.now();
  if (!marks.curves && plot?.data?.length >= RECIPES && plot.querySelectorAll('.scatterlayer .trace').length >= RECIPES) {
    // What is in the document is on the screen a frame later.
    marks.curves = -1;
    requestAnimationFrame(() => requestAnimationFrame(() => (marks.curves = performance.now())));
  }
  if (!(marks.curves > 0)) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
"""Notes when the table has its rows, and when the curves are on the screen, in milliseconds of the navigation."""

AFTER = """([what, argument]) => new Promise((resolve) => {
  const plot = document.getElementById('plot');
  const begun = performance.now();
  const done = () => requestAnimationFrame(() => resolve(performance.now() - begun));
  if (what === 'toggle') {
    plot.once('plotly_afterplot', done);
    document.querySelectorAll('#legend button')[argument].click();
  } else if (what === 'smooth') {
    plot.once('plotly_afterplot', done);
    const smooth = document.getElementById('smooth');
    smooth.value = argument;
    smooth.dispatchEvent(new Event('input'));
  } else {
    plot.once('plotly_afterplot', done);
    Plotly.relayout(plot, {'xaxis.range': argument});
  }
})"""
"""Does one thing to the page and returns the milliseconds until it is drawn."""


def load(page: Page, address: str) -> tuple[float, float]:
    """Open the comparison; return seconds until its table is there, and until its curves are drawn."""
    page.goto(address)
    drawn = wait_until(lambda: (page.evaluate("marks.curves") or 0) > 0, LIMIT_SECONDS, 0.05)
    assert drawn, page.evaluate("JSON.stringify(marks)")
    marks = page.evaluate("marks")
    return marks["table"] / 1000, marks["curves"] / 1000


def thread_seconds(inspector: CDPSession) -> float:
    """Return the CPU seconds of the page's main thread since it was opened: a navigation begins anew."""
    metrics = inspector.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")


def service_seconds(process: psutil.Process) -> float:
    """Return the CPU seconds of the service so far."""
    times = process.cpu_times()
    return times.user + times.system


def after(page: Page, what: str, argument: object) -> float:
    """Return the seconds from an action of the user to its drawing."""
    return page.evaluate(AFTER, [what, argument]) / 1000


def row(what: str, values: list[float]) -> float:
    """Print the median and the range; return the median."""
    middle = statistics.median(values)
    print(f"{what:<52} {middle:6.2f} s ({min(values):.2f} to {max(values):.2f}, n={len(values)})", flush=True)
    return middle


def answered(client: Client, ids: list[int]) -> None:
    """Print how long the service takes by itself for what the page asks."""
    for what, path, query in (
        ("the table, as the service answers", "/api/compare", {"curves": False}),
        ("one metric of all curves, as the service answers", "/api/compare/curves", {}),
    ):
        seconds = []
        for _ in range(TRIES):
            began = time.monotonic()
            client._json("GET", path, params={"run": ids, **query})
            seconds.append(time.monotonic() - began)
        row(what, seconds)


def measured(
    port: int, token: str, ids: list[int], recipes: int, process: psutil.Process
) -> tuple[float, float]:
    """Measure the page; return the medians of the table's and of the curves' times."""
    base = f"http://127.0.0.1:{port}"
    address = f"{base}/compare?{'&'.join(f'run={run_id}' for run_id in ids)}"
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(LIMIT_SECONDS * 1000)
        answer = context.request.post(f"{base}/api/login", data={"token": token})
        assert answer.ok, answer.text()
        context.add_init_script(WATCH.replace("RECIPES", str(recipes)))
        page = context.new_page()
        first = load(page, address)
        print(f"first load of a new browser: table {first[0]:.2f} s, curves {first[1]:.2f} s", flush=True)
        inspector = context.new_cdp_session(page)
        inspector.send("Performance.enable", {"timeDomain": "threadTicks"})
        loads, of_thread, of_service = [], [], []
        for _ in range(TRIES):
            before = service_seconds(process)
            loads.append(load(page, address))
            of_thread.append(thread_seconds(inspector))
            of_service.append(service_seconds(process) - before)
        table = row("table usable", [one for one, _ in loads])
        curves = row("curves drawn", [one for _, one in loads])
        row("of which CPU of the service", of_service)
        row("of which CPU of the page's thread", of_thread)
        row("a recipe hidden and shown", [after(page, "toggle", 0) for _ in range(2 * TRIES)])
        row("zoomed in and out", [after(page, "zoom", [1, 100 * n]) for n in range(1, 1 + TRIES)])
        row("smoothed", [after(page, "smooth", weight) for weight in ("0.5", "0.9", "0")])
        browser.close()
    return table, curves


def not_judged(size: Size) -> str:
    """Return why walls of this run are not held against the goals; nothing where they are."""
    if (size.recipes, size.epochs) != (Size.recipes, Size.epochs):
        return f"{size.recipes} recipes x {size.epochs} epochs is another comparison"
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    # Service, browser and this program take a core and a half by themselves.
    return f"a load of {load:.1f} on {cores} cores: something else ran" if load > cores + 1.5 else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in vars(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=default)
    size = Size(**vars(parser.parse_args()))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; {size}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        began = time.monotonic()
        ids = store_runs(Settings(home=home), size)
        print(f"{len(ids)} runs stored in {time.monotonic() - began:.0f} s", flush=True)
        with serving(home, LIMIT_SECONDS) as service:
            answered(service.client, ids)
            token = (home / "token").read_text().strip()
            table, curves = measured(service.port, token, ids, size.recipes, service.process)
    goals = Goals(not_judged(size))
    goals.at_most("compare-table-usable", table, TABLE_SECONDS, "s")
    goals.at_most("compare-curves-drawn", curves, CURVES_SECONDS, "s")
    goals.end()


if __name__ == "__main__":
    main()
