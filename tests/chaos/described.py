"""Where input goes, read out of the description of the API: a new endpoint, or a new field, is found by itself."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, quote_from_bytes

from tests.chaos.asked import Question

METHODS = ("get", "post", "put", "patch", "delete")
HERE = "\0here\0"
"""Stands in a body for what is put there as text of JSON."""

Place = tuple[str | int, ...]
"""Names and places from the outside of a body inwards."""


@dataclass(frozen=True)
class Samples:
    """What operations are asked with in all the fields that are not in question: it fits what the store holds."""

    parameters: Mapping[str, str]
    """By name, or by an operation and the name; "1" where there is neither."""
    bodies: Mapping[str, dict[str, Any]]
    """By operation, or by an operation and the field in question, where that excludes others."""


@dataclass(frozen=True)
class Operation:
    """One method of one path, with the places for input that it has."""

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...]
    """Where (path, query or header) and by what name."""
    required: tuple[str, ...]
    body_paths: tuple[Place, ...]
    """Every place in its body, also within lists and objects."""
    objects: tuple[Place, ...]
    """Every place in its body that takes names."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def has_body(self) -> bool:
        return () in self.objects

    def asked(self, samples: Samples) -> Question:
        """Return a request that fits."""
        given = {name: self._sample(samples, name) for _, name in self.parameters}
        path = self.path
        for where, name in self.parameters:
            if where == "path":
                path = path.replace(f"{{{name}}}", quote(given[name], safe=""))
        query = "&".join(
            f"{n}={quote(given[n])}"
            for where, n in self.parameters
            if where == "query" and (n in self.required or f"{self} {n}" in samples.parameters)
        )
        body = json.dumps(self.body(samples)).encode() if self.has_body else None
        return Question(self.method, path, query, body=body)

    def with_parameter(self, samples: Samples, where: str, name: str, value: bytes) -> Question:
        """Return the request with a value, as bytes, for one of its parameters."""
        good = self.asked(samples)
        if where == "path":
            sample = f"/{quote(self._sample(samples, name), safe='')}"
            return replace(good, path=good.path.replace(sample, f"/{quote_from_bytes(value, safe='')}", 1))
        if where == "header":
            return replace(good, headers=((name.encode(), value),))
        others = [part for part in good.query.split("&") if part and not part.startswith(f"{name}=")]
        return replace(good, query="&".join([*others, f"{name}={quote_from_bytes(value, safe='')}"]))

    def with_value(self, samples: Samples, path: Place, value: str) -> Question:
        """Return the request with a text of JSON at a place in its body."""
        body = _put(self.body(samples, path), path, HERE)
        return replace(self.asked(samples), body=_written(body, value))

    def with_key(self, samples: Samples, path: Place, key: str) -> Question:
        """Return the request with a name, as text of JSON, that an object in its body does not have."""
        body = _put(self.body(samples, path), (*path, HERE), 1)
        return replace(self.asked(samples), body=_written(body, key))

    def body(self, samples: Samples, path: Place = ()) -> dict[str, Any]:
        known = samples.bodies
        return known.get(f"{self} {path[0]}" if path else "") or known.get(str(self), {})

    def _sample(self, samples: Samples, name: str) -> str:
        return samples.parameters.get(f"{self} {name}") or samples.parameters.get(name, "1")


def operations(description: Mapping[str, Any], fields: Mapping[str, Any]) -> list[Operation]:
    """Return all operations of a description; `fields` are those of a spec, by dotted path, for what takes any object."""
    return [
        _operation(method, path, operation, description, fields)
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


def _operation(
    method: str,
    path: str,
    operation: Mapping[str, Any],
    description: Mapping[str, Any],
    fields: Mapping[str, Any],
) -> Operation:
    parameters = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    places = [*_places(content["application/json"]["schema"], (), description, fields)] if content else []
    return Operation(
        method.upper(),
        path,
        tuple((one["in"], one["name"]) for one in parameters),
        tuple(one["name"] for one in parameters if one.get("required")),
        tuple(dict.fromkeys(place for place, _ in places if place)),
        tuple(dict.fromkeys(place for place, takes_names in places if takes_names)),
    )


def _places(
    schema: Mapping[str, Any], path: Place, description: Mapping[str, Any], fields: Mapping[str, Any]
) -> Iterator[tuple[Place, bool]]:
    """Yield every place for a value under a schema, with whether it is an object."""
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())):
        yield from _places(choice, path, description, fields)
    yield path, schema.get("type") == "object"
    for name, part in schema.get("properties", {}).items():
        yield from _places(part, (*path, name), description, fields)
    if "items" in schema:
        yield from _places(schema["items"], (*path, 0), description, fields)
    inside = schema.get("additionalProperties", False)
    if inside is True:
        yield from _places_of_a_spec(path, fields)
    elif inside:
        for name in fields:  # a grid
            yield from _places(inside, (*path, name), description, fields)


def _places_of_a_spec(path: Place, fields: Mapping[str, Any]) -> Iterator[tuple[Place, bool]]:
    for name in fields:
        parts = name.split(".")
        for length in range(1, len(parts) + 1):
            yield (*path, *parts[:length]), length < len(parts)


def _put(body: Any, path: Place, value: Any) -> Any:
    """Return a copy of a body with a value at a place; what is not there on the way is made."""
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        return [_put(None, tuple(rest), value)]
    table = dict(body) if isinstance(body, dict) else {}
    table[first] = _put(table.get(first), tuple(rest), value)
    return table


def _written(body: Any, text: str) -> bytes:
    whole = json.dumps(body).replace(json.dumps(HERE), text, 1)
    return whole.encode("utf-8", "surrogatepass")
