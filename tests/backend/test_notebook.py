"""The notebook as a file: its structure, what it must hold and must not, and its way over HTTP."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from backend.api.notebook import file_name
from backend.app import create_app
from backend.broker import Broker
from backend.cli.notebook_command import NotSaved, save
from backend.errors import NotRepeatable
from backend.notebook.build import MadeWith, Repeated, Training, notebook
from backend.notebook.literals import literal, plain
from backend.queue import Bell
from backend.settings import Settings
from backend.spec import Spec, parse_spec
from backend.store import attempts
from backend.store.session import Database
from tests.backend import clients
from tests.backend.test_api import NOBODY, message
from tests.store import scenes

CELLS = Path(__file__).parents[2] / "backend" / "notebook" / "cells"
PARENT = {"source": "parent", "parent": "a" * 64}
RESNET = {"arch": "resnet18", "node": "layer4", "pooling": "average"}
HASH = "0123456789ab" + "c" * 52
EVIL = "\"]}''' \n# <script>alert(1)</script> $\\href{javascript:x}{y}$ `a` [b](javascript:c) ../../etc"


def a_spec(**changes: Any) -> Spec:
    base = {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}}
    return parse_spec({**base, **changes})


def network(**changes: Any) -> dict[str, Any]:
    return {"arch": "resnet18", **changes}


NETWORK = a_spec(model=network(init="xavier_uniform"), dataset={"name": "shapes", "augment": "flip"})
FINE_TUNED = a_spec(model=network(weights=PARENT))

KINDS: dict[str, list[Spec]] = {
    "pixels": [a_spec()],
    "network": [NETWORK],
    "fine-tuned": [NETWORK, FINE_TUNED],
    "imagenet": [a_spec(model=network(weights={"source": "imagenet"}, trained="head"))],
    "file": [a_spec(model=network(weights={"source": "file", "name": "mine"}, output_layer="kept"))],
    "layer on a layer": [
        a_spec(),
        a_spec(model={"arch": "softmax-regression", "weights": PARENT, "trained": "head"}),
    ],
    "random features": [a_spec(features=RESNET)],
    "features of a parent": [
        NETWORK,
        FINE_TUNED,
        a_spec(features={**RESNET, "weights": PARENT, "standardize": True}),
    ],
    "features of ImageNet weights": [
        a_spec(
            features={**RESNET, "weights": {"source": "imagenet"}},
            loss={"name": "cross_entropy_of_probabilities"},
        )
    ],
    "schedules": [
        a_spec(schedule={"name": "step", "step_epochs": 2}, optimizer={"name": "adamw"}),
        a_spec(
            model={"arch": "softmax-regression", "weights": PARENT, "output_layer": "kept"},
            schedule={"name": "onecycle"},
            dataset={"name": "shapes", "validation": 0.1},
        ),
    ],
    "validated features": [
        a_spec(features=RESNET, dataset={"name": "shapes", "validation": 0.1}, schedule={"name": "cosine"})
    ],
    "features of a file": [a_spec(features={**RESNET, "weights": {"source": "file", "name": "mine"}})],
}
"""Chains of specs, the oldest first, that together need every cell."""


def made(
    *specs: Spec,
    name: str = "a run",
    numbers: dict[int, list[float]] | None = None,
    device: str | None = "cpu",
) -> dict[str, Any]:
    *ancestors, own = [Training(spec, MadeWith(HASH, device, 2, "2.9.0")) for spec in specs]
    return notebook(Repeated(12, name, own, ancestors, numbers or {}))


def code(cells: dict[str, Any]) -> str:
    return "\n".join(cell["source"] + "\n" for cell in cells["cells"] if cell["cell_type"] == "code")


def words(cells: dict[str, Any]) -> str:
    return "\n".join(cell["source"] for cell in cells["cells"] if cell["cell_type"] == "markdown")


def values(cells: dict[str, Any], identity: str) -> dict[str, Any]:
    """Return what the assignments of literals in a cell mean."""
    (source,) = [cell["source"] for cell in cells["cells"] if cell["id"] == identity]
    return {
        one.targets[0].id: ast.literal_eval(one.value)  # pyright: ignore
        for one in ast.parse(source).body
        if isinstance(one, ast.Assign)
    }


@pytest.fixture
def client(settings: Settings, database: Database) -> Iterator[TestClient]:
    yield clients.operator(create_app(settings, database, Bell(Broker(NOBODY))))


@pytest.mark.parametrize("kind", KINDS)
def test_it_has_the_form_of_nbformat_4_5(kind: str) -> None:
    found = json.loads(json.dumps(made(*KINDS[kind], numbers={1: [1.0, 0.5, 2.0, 0.25]}), allow_nan=False))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    assert found.keys() == {"nbformat", "nbformat_minor", "metadata", "cells"}
    ids = [cell["id"] for cell in found["cells"]]
    assert len(ids) == len(set(ids))
    for cell in found["cells"]:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", cell["id"])
        assert isinstance(cell["source"], str)
        assert cell["source"]
        common = {"id", "cell_type", "metadata", "source"}
        if cell["cell_type"] == "code":
            assert cell.keys() == common | {"execution_count", "outputs"}
            assert (cell["execution_count"], cell["outputs"], cell["metadata"]) == (None, [], {})
        else:
            assert cell["cell_type"] == "markdown"
            assert cell.keys() == common


@pytest.mark.parametrize("kind", KINDS)
def test_its_code_defines_all_that_it_uses_and_imports_nothing_else(kind: str) -> None:
    text = code(made(*KINDS[kind], numbers={1: [1.0, 0.5, 2.0, 0.25]}))
    checked = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--isolated",
            "--select",
            "F,E9",
            "--stdin-filename",
            "made.py",
            "-",
        ],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout
    imported = {name.partition(".")[0] for name in re.findall(r"^(?:import|from) (\S+)", text, re.MULTILINE)}
    assert imported - set(sys.stdlib_module_names) == {"numpy", "torch", "torchvision"}


def test_every_cell_that_lies_there_is_used_by_some_notebook() -> None:
    texts = set()
    for kind in KINDS.values():
        for device in ("cpu", None):
            texts |= {cell["source"] for cell in made(*kind, device=device)["cells"]}
    unused = [path.name for path in CELLS.iterdir() if path.read_text("utf-8").strip() not in texts]
    assert unused == []


@pytest.mark.parametrize("path", sorted(CELLS.glob("*.py.txt")), ids=lambda path: path.name)
def test_cells_are_formatted_as_the_rest_of_the_code(path: Path) -> None:
    formatted = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "format",
            "--isolated",
            "--line-length",
            "110",
            "--stdin-filename",
            "a.py",
            "-",
        ],
        input=path.read_text("utf-8"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert formatted.stdout == path.read_text("utf-8")


def test_it_holds_the_specs_of_the_run_and_of_what_it_started_from() -> None:
    found = made(*KINDS["features of a parent"])
    specs = [values(found, f"{prefix}-spec") for prefix in ("parent-1", "parent-2", "run")]
    assert [parse_spec(one["SPEC"]) for one in specs] == KINDS["features of a parent"]
    assert specs[0]["MADE_WITH"] == {
        **{"data_hash": HASH, "device": "cpu", "threads": 2, "torch": "2.9.0"},
        **{"precision": None, "compiled": None},
    }


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"dataset": {"name": "shapes", "augment": "cutout"}}, "dataset.augment cutout"),
        ({"dataset": {"name": "shapes", "augment": "mixup"}}, "dataset.augment mixup"),
        ({"early_stopping": {"patience": 3, "metric": "train_loss"}}, "early_stopping.patience 3"),
        ({"ema": 0.99}, "ema 0.99"),
        ({"precision": "tf32"}, "precision tf32"),
        ({"compile": "on"}, "compile on"),
        ({"devices": 2}, "devices 2"),
    ],
    ids=str,
)
def test_what_the_cells_do_not_know_is_refused_by_its_name(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(NotRepeatable) as refused:
        made(a_spec(**changes))
    assert str(refused.value) == f"Run 12 has {part}, which an exported notebook does not repeat."
    with pytest.raises(NotRepeatable, match="What run 12 starts from has "):
        made(a_spec(**changes), FINE_TUNED)


def test_what_changes_no_number_is_not_refused() -> None:
    unchanging = a_spec(precision="fp32", compile="off", deterministic=True, step_series=True)
    assert values(made(unchanging), "run-spec")["SPEC"]["step_series"] is True


def test_how_it_was_computed_is_taken_from_what_the_attempt_told() -> None:
    facts = {
        "device": "cuda",
        "precision": {"wanted": "auto", "used": "bf16", "why": "this GPU has bf16 units"},
        "compile": {"wanted": "auto", "used": "on", "why": "it pays"},
    }
    with_facts = MadeWith.of(facts)
    assert (with_facts.precision, with_facts.compiled) == ("bf16", True)
    assert MadeWith.of(None) == MadeWith() == MadeWith.of({"precision": None})
    found = notebook(Repeated(12, "", Training(a_spec(), with_facts), [], {}))
    assert "made with a compiled network, which rounds differently" in words(found)


def test_the_stored_numbers_are_in_it_as_they_were() -> None:
    numbers = {2: [0.1, 1 / 3, float("inf"), 1e-17], 1: [float("nan"), 0.0, -float("inf"), 1.0]}
    found = made(a_spec(), numbers=numbers)
    (source,) = [cell["source"] for cell in found["cells"] if cell["id"] == "stored"]
    scope: dict[str, Any] = {}
    exec(source, scope)
    assert list(scope["STORED"]) == [1, 2]
    assert list(scope["STORED"][2]) == numbers[2]
    assert str(scope["STORED"][1]) == "(nan, 0.0, -inf, 1.0)"


def test_a_name_of_any_kind_is_words_and_nothing_else() -> None:
    found = made(a_spec(), name=EVIL)
    assert code(found) == code(made(a_spec()))
    (title,) = [line for line in words(found).splitlines() if line.startswith("# ")]
    assert "script" in title
    assert not set(title.removeprefix("# Run 12: ")) & set("<>$\\`[]()\"'*_~|!")


@given(st.text())
def test_plain_words_are_read_back_by_any_reader_of_html(text: str) -> None:
    import html

    shown = plain(text)
    assert html.unescape(shown).split() == text.split() or "&#0;" in shown or not text.isprintable()
    assert not set(shown) & set("<>$\\`[]()\"'*_~|!\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.dictionaries(st.text(), inner, max_size=4) | st.lists(inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_a_literal_means_what_was_written(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value


@pytest.mark.parametrize("name", ["", EVIL, "ü" * 300, "../../x", 'a"; filename="b', "a\r\nSet-Cookie: b"])
def test_a_file_name_is_safe_whatever_the_run_is_called(name: str) -> None:
    assert re.fullmatch(r"run-7(-[A-Za-z0-9]+)*\.ipynb", file_name(7, name))
    assert len(file_name(7, name)) <= 90


def test_a_run_is_downloaded_as_a_notebook(
    client: TestClient, database: Database, settings: Settings
) -> None:
    (run_id,) = scenes.launch(database)
    claimed = scenes.claim(database)
    facts = {"data_hash": HASH, "device": "cpu", "threads": 1, "torch": "2.9.0", "host": "secret-host"}
    with database.write() as session:
        attempts.describe(session, run_id, 1, facts)
    row = {"train_loss": float("nan"), "train_acc": 0.5, "test_loss": 1.5, "test_acc": 0.25, "lr": 0.1}
    scenes.report(database, claimed, 1, row)
    scenes.report(database, claimed, 2, {"train_loss": 1.0})
    answer = client.get(f"/api/runs/{run_id}/notebook")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ipynb+json"
    assert answer.headers["content-disposition"] == f'attachment; filename="run-{run_id}-run-0.ipynb"'
    found = answer.json()
    assert values(found, "run-spec")["MADE_WITH"]["data_hash"] == HASH
    assert '1: (float("nan"), 0.5, 1.5, 0.25),' in code(found)
    assert "2: (" not in code(found)
    assert "secret-host" not in answer.text
    assert str(settings.home) not in answer.text


def test_the_parents_of_a_run_are_found_with_their_images(client: TestClient, database: Database) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    claimed = scenes.claim(database)
    with database.write() as session:
        attempts.describe(session, parent, 1, {"data_hash": HASH})
    scenes.complete(database, claimed)
    found = client.get(f"/api/runs/{child}/notebook").json()
    assert values(found, "parent-1-spec")["MADE_WITH"]["data_hash"] == HASH
    assert values(found, "parent-1-spec")["SPEC"] == scenes.a_spec(seed=0).model_dump(mode="json")
    assert values(found, "run-spec")["MADE_WITH"]["data_hash"] is None


def test_a_run_whose_parent_was_deleted_still_has_its_notebook(
    client: TestClient, database: Database
) -> None:
    (parent,) = scenes.launch(database)
    child = scenes.launch_child(database, parent)
    scenes.complete(database, scenes.claim(database))
    client.post(f"/api/runs/{child}/cancel")
    assert client.delete(f"/api/runs/{parent}").status_code == 200
    found = client.get(f"/api/runs/{child}/notebook").json()
    assert values(found, "parent-1-spec")["MADE_WITH"]["data_hash"] is None


def test_what_is_not_there_or_no_id_has_no_notebook(client: TestClient) -> None:
    answer = client.get("/api/runs/99/notebook")
    assert (answer.status_code, message(answer)) == (404, "There is no run 99.")
    assert client.get("/api/runs/zero/notebook").status_code == 422


def test_a_run_that_cannot_be_repeated_is_refused_in_one_sentence(
    client: TestClient, database: Database
) -> None:
    (run_id,) = scenes.launch(database, ema=0.5)
    answer = client.get(f"/api/runs/{run_id}/notebook")
    said = f"Run {run_id} has ema 0.5, which an exported notebook does not repeat."
    assert (answer.status_code, message(answer)) == (409, said)


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run-1.ipynb"
    save(path, "{}\n")
    with pytest.raises(NotSaved, match=r"run-1\.ipynb is there already"):
        save(path, "other")
    assert path.read_text() == "{}\n"
    with pytest.raises(NotSaved, match="cannot be written: No such file or directory"):
        save(tmp_path / "nowhere" / "x", "")


def test_a_warm_up_that_rounds_to_all_steps_leaves_the_last_one() -> None:
    cell = (files("backend.notebook") / "cells" / "schedule.py.txt").read_text("utf-8")
    names: dict[str, Any] = {}
    exec(cell, names)
    schedule = {"name": "constant", "warmup_epochs": 0.9}  # 3.6 of 4 steps
    assert [names["factor"](step, 1, 4, schedule) for step in range(1, 5)] == [1 / 3, 2 / 3, 1.0, 1.0]
