"""The same launch as a person would type it: with curl, by the command line, in Python. Pure.

A snippet never holds a token: curl takes it from RUNYARD_TOKEN, the others find it by themselves.
"""

import json
import math
import shlex
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from backend.notebook.literals import literal
from backend.spec import field_rules

DEFAULT_ADDRESS = "http://127.0.0.1:8420"


def snippets(body: Mapping[str, Any], address: str) -> dict[str, str]:
    """Return one launch in three languages, by name. `body` is that of POST /api/launches, without what it leaves out."""
    return {
        "curl": curl(body, address),
        "cli": command_line(body, address),
        "python": python(body, address),
    }


def curl(body: Mapping[str, Any], address: str) -> str:
    """Return the launch as a call of curl in bash or zsh; RUNYARD_TOKEN must hold a token."""
    return " \\\n  ".join(
        (
            f"curl --fail-with-body {shlex.quote(f'{address}/api/launches')}",
            # From a file that the shell makes up: words of a command can be read in the list of processes.
            '-H @<(echo "Authorization: Bearer $RUNYARD_TOKEN")',
            "-H 'Content-Type: application/json'",
            f"--data-raw {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        )
    )


def python(body: Mapping[str, Any], address: str) -> str:
    """Return the launch as a Python program."""
    where = "" if address == DEFAULT_ADDRESS else literal(address)
    arguments = "".join(f"        {name}={literal(value, ' ' * 8)},\n" for name, value in body.items())
    return (
        "from backend.client import Client\n\n"
        f"with Client({where}) as client:\n"
        f"    answer = client.launch(\n{arguments}    )\n"
        'print(answer["runs"])\n'
    )


def command_line(body: Mapping[str, Any], address: str) -> str:
    """Return the launch as a command in a shell; a comment where the command line has no words for it."""
    unsaid = next(_unsaid(body, address), None)
    if unsaid:
        return f"# The command line has no way to write {unsaid}; use curl or Python."
    words = [*_environment(address), "runyard", "launch", *_options(body)]
    lines = _wrapped([shlex.quote(word) for word in words])
    if "spec" not in body:
        return lines
    return f"{lines} <<'SPEC'\n{json.dumps(body['spec'], indent=2)}\nSPEC"


def clone_command(run_id: int, change: Mapping[str, Any]) -> str:
    """Return the command, on one line, that trains a run again with some fields changed, given by their dotted paths."""
    sets = [word for path, value in change.items() for word in ("--set", f"{path}={_word(value)}")]
    return shlex.join(["runyard", "launch", "--clone", str(run_id), *sets])


def _options(body: Mapping[str, Any]) -> Iterator[str]:
    if "preset" in body:
        yield body["preset"]
        if body.get("size") == "quick":
            yield "--quick"
    if "clone" in body:
        yield from ("--clone", str(body["clone"]))
    if "spec" in body:
        yield from ("--spec", "-")
    for path, value in leaves(body.get("overrides") or {}):
        yield from ("--set", f"{path}={_word(value)}")
    for path, values in (body.get("grid") or {}).items():
        yield from ("--grid", f"{path}={','.join(map(_word, values))}")
    if "seeds" in body:
        yield from ("--seeds", ",".join(map(str, body["seeds"])))
    for name in ("name", "experiment"):
        if name in body:
            yield from (f"--{name}", body[name])
    if body.get("confirm"):
        yield "--confirm"


def leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested tables with their dotted paths."""
    for name, value in table.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _unsaid(body: Mapping[str, Any], address: str) -> Iterator[str]:
    """Yield what of a launch the command line cannot say."""
    if urlsplit(address).scheme != "http":
        yield address
    for path, value in leaves(body.get("overrides") or {}):
        if not _is_sayable(value, path):
            yield f"{path} as {_shown(value)}"
    for path, values in (body.get("grid") or {}).items():
        for value in values:
            if not _is_sayable(value, path) or (isinstance(value, str) and "," in value):
                yield f"{path} as {_shown(value)}"


def _is_sayable(value: Any, path: str) -> bool:
    """Return whether the command line reads this value back from its word."""
    if isinstance(value, dict | list):
        return False
    read = read_word(_word(value), path)
    return (read, type(read)) == (value, type(value)) and (
        not isinstance(value, str) or value == value.strip()
    )


def read_word(word: str, path: str = "") -> Any:
    """Return what `runyard launch --set FIELD=WORD` takes a word for: text where the field at `path` holds text."""
    rules = _rules_of(path)
    if rules.get("type") == "string":
        is_empty = word.lower() in ("none", "null") and rules.get("default", "") is None
        return None if is_empty else word
    plain = {"none": None, "null": None, "true": True, "false": False}
    if word.lower() in plain:
        return plain[word.lower()]
    for kind in (int, float):
        try:
            number = kind(word)
        except ValueError:
            continue
        return number if math.isfinite(number) else word
    return word


@cache
def _rules_of(path: str) -> dict[str, Any]:
    return field_rules(path)


def _word(value: Any) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else json.dumps(value)


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]


def _environment(address: str) -> Iterator[str]:
    """Yield what the command line needs to be told of an address that is not the usual one."""
    if address == DEFAULT_ADDRESS:
        return
    where = urlsplit(address)
    if where.hostname not in (None, "127.0.0.1"):
        yield f"RUNYARD_HOST={where.hostname}"
    yield f"RUNYARD_PORT={where.port or 80}"


def _wrapped(words: list[str]) -> str:
    """Return a command in lines that begin with an option each."""
    lines = [words[0]]
    for word in words[1:]:
        if word.startswith("--"):
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return " \\\n  ".join(lines)
