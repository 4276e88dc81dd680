"""R14: a loss that is no number, from a real training to the page, the stream, the CSV and what is found of the run."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.store import points
from backend.store.session import Database
from tests.backend.served import run as run_command
from tests.chaos.asked import STREAM
from tests.chaos.described import Samples, operations
from tests.chaos.goals import Goal
from tests.chaos.judged import strict_json
from tests.processes.stack import Stack

DIVERGING = {
    "epochs": 12,
    "dataset": {"name": "shapes", "train_limit": 160, "test_limit": 40},
    "batch_size": 32,
    # Each step multiplies the weights by -9: after 40 of them they are beyond what 32 bits hold. The loss of a whole
    # batch is that before any of its images is, so that it is infinite first.
    "optimizer": {"lr": 100.0, "momentum": 0.0, "weight_decay": 0.1},
    "loss": {"name": "cross_entropy"},
    "step_series": True,
}
SOUND = {"epochs": 1, "dataset": DIVERGING["dataset"], "batch_size": 32}
RULES = ("diverged", "not-a-number")
PAGES = ("/", "/runs/{run}", "/compare?run={run}&run={other}", "/report", "/workers", "/launch")


@contextmanager
def browser(stack: Stack) -> Iterator[httpx.Client]:
    token = stack.token_file.read_text().strip()
    address = f"http://127.0.0.1:{stack.port}"
    with httpx.Client(
        base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    ) as client:
        yield client


def test_a_loss_that_is_no_number_is_stored_drawn_as_a_gap_streamed_and_exported_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, goal: Goal
) -> None:
    with Stack(tmp_path / "home") as stack:
        run_id, other = stack.launch(**DIVERGING), stack.launch(**SOUND)
        for one in (run_id, other):
            run = stack.wait_for_end(one)
            assert run["state"] == "completed", run["detail"]
        gaps = _gaps(stack.client.points(run_id)["series"]["train_loss"])
        with browser(stack) as asked:
            answers = _answers_that_are_json(asked, run_id)
            pages = [page.format(run=run_id, other=other) for page in PAGES]
            pages_well = [page for page in pages if asked.get(page).status_code == 200]
            streamed = _streamed_losses(asked, run_id)
            drawn = asked.get(f"/api/runs/{run_id}/figures").json()["figures"]["loss"]["data"][0]
            compared = strict_json(asked.get("/api/compare", params={"run": [run_id, other]}).content)
        exported = _exported(stack, monkeypatch, run_id)
        steps = _exported(stack, monkeypatch, run_id, "--steps", "--metric", "step_loss")
        log = [line["text"] for line in stack.client.log(run_id)["lines"]]
        last = stack.client.run(run_id)["last"]["metrics"]
        stored = _stored(stack, run_id)
        found = [one["rule"] for one in stack.client.findings(run_id) if one["rule"] in RULES]

    assert gaps, "the training did not diverge"
    assert max(gaps) == DIVERGING["epochs"]
    assert min(gaps) > 1, "nothing was a number: another fault would look the same"
    assert {epoch: str(value) for epoch, value in stored.items() if not math.isfinite(value)} == gaps
    assert [epoch for epoch, value in zip(drawn["x"], drawn["y"], strict=True) if value is None] == [*gaps]
    assert drawn["connectgaps"] is False
    assert last["train_loss"] is None
    assert last["train_acc"] is not None
    assert {epoch: word for epoch, word in streamed.items() if word} == gaps
    words = {int(row["epoch"]): row["train_loss"] for row in exported}
    assert {epoch: words[epoch].lower() for epoch in gaps} == gaps
    assert words[1] == repr(stored[1])
    assert {row["step_loss"] for row in steps} > {"Inf", "NaN"}
    finals = [item["final"]["train_loss"]["nonfinite"] for item in compared["items"]]
    assert finals == ["nan", None]
    warnings = [line for line in log if line.startswith("warning: ") and "no number" in line]
    goal.tell(
        "R14",
        f"{len(gaps)} epochs of NaN or infinity stored, drawn as gaps, streamed and in the CSV; {len(answers)} addresses answer "
        f"JSON without NaN, {len(pages_well)} of {len(pages)} pages 200; told in the log {len(warnings)} time(s), "
        f"found: {' and '.join(found) or 'nothing'}",
        f"stored, a gap, exported, every page 200, said once, a finding ({' or '.join(RULES)})",
        held=len(pages_well) == len(pages) and len(warnings) == 1 and len(answers) >= 15 and len(found) > 0,
    )


def _gaps(series: dict[str, Any]) -> dict[int, str]:
    """Return the gaps of a curve: by epoch the names of what is no number."""
    words = {int(epoch): word for epoch, word in series["nonfinite"].items()}
    values = zip(series["epochs"], series["values"], strict=True)
    assert [epoch for epoch, value in values if value is None] == [*words]
    return words


def _stored(stack: Stack, run_id: int) -> dict[int, float]:
    database = Database(f"sqlite:///{stack.home / 'runyard.db'}")
    with database.read() as session:
        found = points.read(session, run_id)["train_loss"].by_epoch()
    database.dispose()
    return found


def _answers_that_are_json(asked: httpx.Client, run_id: int) -> list[str]:
    """Ask everything that can be asked of a run, or of all; return the addresses that answered good JSON."""
    description = strict_json(asked.get("/api/openapi.json").content)
    samples = Samples(
        parameters={"run_id": str(run_id), "run": str(run_id), "after": "0", "name": "step_loss"}, bodies={}
    )
    good = []
    for operation in operations(description, {}):
        if operation.method != "GET":
            continue
        question = operation.asked(samples)
        with asked.stream("GET", f"{question.path}?{question.query}") as answer:
            kind = answer.headers["content-type"]
            if kind.startswith(STREAM) or "json" not in kind:
                continue
            strict_json(answer.read())  # a refusal is JSON as well
            assert answer.status_code < 500, question
            if answer.status_code == 200:
                good.append(question.path)
    return good


def _streamed_losses(asked: httpx.Client, run_id: int) -> dict[int, str | None]:
    """Follow a run that is over from its beginning; return by epoch the name of a loss that is no number."""
    store = asked.get("/api/status").json()["store_id"]
    losses: dict[int, str | None] = {}
    kind = ""
    with asked.stream("GET", "/api/events", params={"run": run_id, "after": f"{store}-0"}) as stream:
        for line in stream.iter_lines():
            name, _, told = line.partition(": ")
            if name == "event":
                kind = told
            elif name == "data":
                data = strict_json(told.encode())
                if kind == "epoch":
                    assert (data["metrics"]["train_loss"] is None) == ("train_loss" in data["nonfinite"])
                    losses[data["epoch"]] = data["nonfinite"].get("train_loss")
                elif kind == "state" and data["state"] == "completed":
                    return losses
    raise AssertionError("the stream ended before the run did")


def _exported(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, run_id: int, *options: str
) -> list[dict[str, str]]:
    """Return the rows of what `runyard curves --csv` prints."""
    monkeypatch.setenv("RUNYARD_PORT", str(stack.port))
    monkeypatch.setenv("RUNYARD_TOKEN_FILE", str(stack.token_file))
    status, said, problems = run_command("curves", run_id, "--csv", *options)
    assert status == 0, problems
    header, *rows = said.splitlines()
    return [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
