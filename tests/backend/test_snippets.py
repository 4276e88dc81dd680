"""Snippets say the launch that they were made from: read back by a shell and by Python, they are that launch."""

import ast
import json
import shlex
from typing import Any

import pytest

from backend.snippets import command_line, curl, python, read_word, snippets

HERE = "http://127.0.0.1:8420"
AWKWARD = 'it\'s "quoted", $HOME `x` \\ !, ünï 🙂 -- <b>'

BODIES: list[dict[str, Any]] = [
    {"preset": "softmax-original"},
    {
        "preset": "softmax-original",
        "size": "quick",
        "overrides": {"optimizer": {"lr": 1e-4}, "dataset": {"name": "shapes", "train_limit": None}},
        "grid": {"batch_size": [64, 32], "optimizer.momentum": [0.0, 0.9]},
        "seeds": [0, 1],
        "name": AWKWARD,
        "experiment": "--a dash first",
        "confirm": True,
    },
    {"clone": 12, "overrides": {"features": {"standardize": True}, "epochs": 3}},
    {"spec": {"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}}, "seeds": [3]},
]


def nested(path: str, value: object) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def words_of(command: str) -> list[str]:
    """Return the words of a command as a shell reads them: a line that ends in a backslash goes on."""
    return shlex.split(command.replace(" \\\n", " "))


def arguments_of(source: str) -> dict[str, Any]:
    """Return what a Python snippet gives to `launch`."""
    (call,) = (
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "launch"
    )
    assert all(keyword.arg for keyword in call.keywords)
    return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}


@pytest.mark.parametrize("body", BODIES)
def test_curl_sends_the_very_body(body: dict) -> None:
    words = words_of(curl(body, HERE))
    assert words[:3] == ["curl", "--fail-with-body", f"{HERE}/api/launches"]
    assert json.loads(words[words.index("--data-raw") + 1]) == body
    assert '-H @<(echo "Authorization: Bearer $RUNYARD_TOKEN")' in curl(body, HERE), (
        "kept from the process list"
    )


@pytest.mark.parametrize("body", BODIES)
def test_python_launches_with_the_very_arguments(body: dict) -> None:
    assert arguments_of(python(body, HERE)) == body


def test_the_command_line_has_an_option_for_each_part() -> None:
    words = words_of(command_line(BODIES[1], HERE))
    assert words == [
        *("runyard", "launch", "softmax-original", "--quick"),
        *(
            "--set",
            "optimizer.lr=0.0001",
            "--set",
            "dataset.name=shapes",
            "--set",
            "dataset.train_limit=none",
        ),
        *("--grid", "batch_size=64,32", "--grid", "optimizer.momentum=0.0,0.9"),
        *("--seeds", "0,1", "--name", AWKWARD, "--experiment", "--a dash first", "--confirm"),
    ]


def test_the_command_line_clones_a_run() -> None:
    words = words_of(command_line(BODIES[2], HERE))
    assert words == [
        *("runyard", "launch", "--clone", "12"),
        *("--set", "features.standardize=true", "--set", "epochs=3"),
    ]


def test_the_command_line_reads_a_whole_spec_from_what_follows() -> None:
    command, _, rest = command_line(BODIES[3], HERE).partition(" <<'SPEC'\n")
    assert words_of(command) == ["runyard", "launch", "--spec", "-", "--seeds", "3"]
    document, end = rest.rsplit("\n", 1)
    assert json.loads(document) == BODIES[3]["spec"]
    assert end == "SPEC"


def test_no_features_are_said_by_the_command_line_too() -> None:
    assert "--set features=none" in command_line({"preset": "a", "overrides": {"features": None}}, HERE)


@pytest.mark.parametrize(
    ("body", "unsaid"),
    [
        ({"overrides": {"model": {"weights": {"preset": "123"}}}}, 'model.weights.preset as "123"'),
        ({"overrides": {"model": {"weights": {"name": "none"}}}}, 'model.weights.name as "none"'),
        ({"overrides": {"optimizer": {"lr": "0.1"}}}, 'optimizer.lr as "0.1"'),
        ({"grid": {"features.node": ["a,b"]}}, 'features.node as "a,b"'),
        ({"grid": {"model.weights": [{"source": "none"}]}}, 'model.weights as {"source": "none"}'),
    ],
)
def test_what_the_command_line_cannot_say_is_said_to_be_so(body: dict, unsaid: str) -> None:
    said = command_line({"preset": "softmax-original", **body}, HERE)
    assert said == f"# The command line has no way to write {unsaid}; use curl or Python."


def test_another_address_stands_in_every_snippet() -> None:
    made = snippets(BODIES[0], "http://localhost:9000")
    assert "http://localhost:9000/api/launches" in made["curl"]
    assert 'Client("http://localhost:9000")' in made["python"]
    assert made["cli"].startswith("RUNYARD_HOST=localhost RUNYARD_PORT=9000 runyard launch")
    behind = snippets(BODIES[0], "https://lab.example")
    assert behind["cli"] == (
        "# The command line has no way to write https://lab.example; use curl or Python."
    )
    assert 'Client("https://lab.example")' in behind["python"]
    usual = snippets(BODIES[0], HERE)
    assert "Client()" in usual["python"]
    assert usual["cli"] == "runyard launch softmax-original"


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1", 1),
        ("0.5", 0.5),
        ("1e-4", 1e-4),
        ("none", None),
        ("true", True),
        ("nan", "nan"),
        ("1e999", "1e999"),
        ("vgg16", "vgg16"),
    ],
)
def test_words_are_read_as_what_they_look_like(word: str, value: object) -> None:
    read = read_word(word)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    ("path", "word", "value"),
    [
        ("dataset.name", "123", "123"),
        ("dataset.name", "none", "none"),
        ("dataset.augment", "none", "none"),
        ("features.pooling", "none", "none"),
        ("model.weights.source", "none", "none"),
        ("model.weights.name", "none", None),
        ("model.weights.name", "1e5", "1e5"),
        ("dataset.train_limit", "none", None),
        ("features", "none", None),
        ("features.standardize", "true", True),
        ("optimizer.lr", "1", 1),
    ],
)
def test_a_word_is_read_as_text_where_the_field_holds_text(path: str, word: str, value: object) -> None:
    read = read_word(word, path)
    assert (read, type(read)) == (value, type(value))
    assert f"--set {path}={word}" in command_line({"preset": "a", "overrides": nested(path, value)}, HERE)
