"""What pydantic found wrong, as one sentence for people; and the rules of a field, by its dotted path."""

from typing import Any, get_args

from pydantic import BaseModel, ValidationError

KINDS = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "model_type": "a table of fields",
}
"""Pydantic's kinds of problem, as what is wanted instead."""

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
NODE = r"^[A-Za-z0-9_.-]+$"
SHA256 = r"^[0-9a-f]{64}$"
PATTERNS = {
    NAME: "may hold letters, digits, '.', '_' and '-' only, and must begin with a letter or digit",
    NODE: "may hold letters, digits, '.', '_' and '-' only",
    SHA256: "must be 64 hexadecimal digits (0 to 9, a to f)",
}
"""The patterns that a spec's texts follow, in words."""


def sentence(problem: ValidationError, root: type[BaseModel]) -> str:
    """Return the first problem of a value of `root` as one sentence for people: what, the value, what is allowed."""
    first = problem.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the request"
    context = first.get("ctx", {})
    kind = first["type"]
    if kind == "missing":
        return f"{where} is missing."
    if kind == "extra_forbidden":
        return f"{where} is not a field of a spec; remove it or correct its name."
    shown = shown_value(first["input"])
    if kind == "literal_error":
        return f"{where} is {shown}; it must be {context['expected']}."
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number"):
        return f"{where} is {shown}; it must be {_allowed_range(root, where)}."
    if kind in KINDS:
        bounds = _allowed_range(root, where)
        return f"{where} is {shown}; it must be {KINDS[kind]}{', ' if bounds else ''}{bounds}."
    if kind in ("string_too_short", "string_too_long"):
        return f"{where} is {shown}; it must have {_allowed_length(root, where)}."
    if kind == "string_pattern_mismatch":
        return f"{where} is {shown}; it {PATTERNS[context['pattern']]}."
    return f"{where} is {shown}; {first['msg'][:1].lower()}{first['msg'][1:]}."


def shown_value(value: object) -> str:
    """Return a value as it stands in a sentence: long ones cut."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def part_of(annotation: Any) -> type[BaseModel] | None:
    """Return the part of a spec that a field holds, whether it may be empty or not; None for a plain value."""
    for choice in (annotation, *get_args(annotation)):
        if isinstance(choice, type) and issubclass(choice, BaseModel):
            return choice
    return None


def rules_of(root: type[BaseModel], path: str) -> dict[str, Any]:
    """Return the JSON-schema rules of a field by its dotted path, {} where there is none."""
    model = root
    *parents, last = path.split(".")
    for name in parents:
        field = model.model_fields.get(name)
        part = None if field is None else part_of(field.annotation)
        if part is None:
            return {}
        model = part
    rules = model.model_json_schema()["properties"].get(last, {})
    for choice in rules.get("anyOf", []):
        if choice.get("type") != "null":
            return {**rules, **choice}
    return rules


def _allowed_length(root: type[BaseModel], path: str) -> str:
    rules = rules_of(root, path)
    return f"{rules.get('minLength', 0)} to {rules['maxLength']} characters"


def _allowed_range(root: type[BaseModel], path: str) -> str:
    rules = rules_of(root, path)
    low = (
        f"over {rules['exclusiveMinimum']}"
        if "exclusiveMinimum" in rules
        else f"at least {rules['minimum']}"
        if "minimum" in rules
        else ""
    )
    high = (
        f" and under {rules['exclusiveMaximum']}"
        if "exclusiveMaximum" in rules
        else f" and at most {rules['maximum']}"
        if "maximum" in rules
        else ""
    )
    return low + high
