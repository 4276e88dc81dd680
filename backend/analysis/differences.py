"""What differs between recipes, field by field, and the short labels that follow from it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from backend.belonging import meaningless
from backend.sentences import part_of
from backend.spec import Spec, field_paths

Table = Mapping[str, Any]

FIELDS: dict[str, tuple[str, str, str]] = {
    "dataset.name": ("Data set", "{}", "none"),
    "dataset.train_limit": ("Training images", "{} training images", "all"),
    "dataset.test_limit": ("Test images", "{} test images", "all"),
    "dataset.image_size": ("Image size", "{} px", "as stored"),
    "dataset.normalize": ("Normalization", "normalized: {}", "none"),
    "dataset.augment": ("Augmentation", "augmented: {}", "none"),
    "dataset.validation": ("Share for validation", "validation {}", "none"),
    "model.arch": ("Model", "{}", "none"),
    "model.init": ("Random start", "start {}", "none"),
    "model.weights.source": ("Weights", "weights: {}", "none"),
    "model.weights.parent": ("Starts from recipe", "from {}", "none"),
    "model.weights.rule": ("Parent's seed", "parent by {}", "none"),
    "model.weights.seed": ("Seed of the parent", "parent seed {}", "none"),
    "model.weights.name": ("Weights file", "file {}", "none"),
    "model.output_layer": ("Output layer", "output layer {}", "none"),
    "model.trained": ("Trained layers", "trained: {}", "none"),
    "features.arch": ("Features of", "features of {}", "no features"),
    "features.weights.source": ("Weights of the features", "feature weights: {}", "no features"),
    "features.weights.parent": ("Features from recipe", "features from {}", "none"),
    "features.weights.rule": ("Parent's seed", "parent by {}", "no features"),
    "features.weights.seed": ("Seed of the parent", "parent seed {}", "none"),
    "features.weights.name": ("Weights file of the features", "file {}", "none"),
    "features.node": ("Node of the features", "node {}", "no features"),
    "features.pooling": ("Pooling of the features", "pooling {}", "no features"),
    "features.standardize": ("Features standardized", "standardized: {}", "no features"),
    "loss.name": ("Loss", "{}", "none"),
    "loss.label_smoothing": ("Label smoothing", "label smoothing {}", "none"),
    "optimizer.name": ("Optimizer", "{}", "none"),
    "optimizer.lr": ("Learning rate", "lr {}", "none"),
    "optimizer.momentum": ("Momentum", "momentum {}", "none"),
    "optimizer.nesterov": ("Nesterov momentum", "nesterov: {}", "none"),
    "optimizer.weight_decay": ("Weight decay", "weight decay {}", "none"),
    "optimizer.beta1": ("Beta 1", "beta1 {}", "none"),
    "optimizer.beta2": ("Beta 2", "beta2 {}", "none"),
    "schedule.name": ("Schedule", "{} schedule", "none"),
    "schedule.warmup_epochs": ("Warm-up", "warm-up {} epochs", "none"),
    "schedule.step_epochs": ("Epochs of a step", "step every {} epochs", "none"),
    "schedule.gamma": ("Factor of a step", "gamma {}", "none"),
    "early_stopping.patience": ("Early stopping", "patience {}", "never"),
    "early_stopping.metric": ("Stops by", "stops by {}", "none"),
    "early_stopping.min_delta": ("Least gain", "gain over {}", "none"),
    "epochs": ("Epochs", "{} epochs", "none"),
    "batch_size": ("Batch size", "batch size {}", "none"),
    "eval_batch_size": ("Test batch size", "test batch size {}", "none"),
    "gradient_clip": ("Gradient clipping", "gradients to {}", "none"),
    "ema": ("Average of weights", "ema {}", "none"),
    "precision": ("Precision", "precision {}", "none"),
    "compile": ("Compiled", "compiled: {}", "none"),
    "deterministic": ("Deterministic", "deterministic: {}", "none"),
    "devices": ("Devices", "devices {}", "none"),
    "step_series": ("Values of each step", "steps kept: {}", "none"),
}
"""Path of a field: its title, how a label names its value, and what an empty value means."""

NOT_OF_A_RECIPE = ("seed", "step_series")
"""Fields by which no two recipes differ."""

NAMES = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}
"""Optimizers as people write them."""

LONGEST_LABEL = 4
"""Parts of a label; further ones are counted, as long as labels stay apart."""


@dataclass(frozen=True)
class Field:
    """One field of several recipes; `values` are in their order."""

    path: str
    values: tuple[Any, ...]

    @property
    def title(self) -> str:
        return FIELDS[self.path][0] if self.path in FIELDS else self.path

    @property
    def differs(self) -> bool:
        return any(key != self.keys[0] for key in self.keys)

    @cached_property
    def keys(self) -> list[Any]:
        """What tells the values from each other, in their order."""
        return [_key(value) for value in self.values]

    @cached_property
    def usual(self) -> Any:
        """The key that more than half of the recipes share; None where none is, and a key is never None."""
        key, count = Counter(self.keys).most_common(1)[0]
        return key if count > len(self.keys) / 2 else None


def fields_of(specs: Sequence[Table]) -> list[Field]:
    """Return every field of the recipes that any of them has, in the spec's order; all have the same but the seed.

    A field that a stored spec leaves out has its default; one that means nothing in it, such as the momentum of Adam,
    is empty. One that a spec of another version has, and this one does not know, comes last.
    """
    flat = [_without_the_meaningless(dict(_leaves(spec, Spec))) for spec in specs]
    known = field_paths()
    others = sorted({path for one in flat for path in one} - set(known))
    return [
        Field(path, tuple(one.get(path) for one in flat))
        for path in [*known, *others]
        if path not in NOT_OF_A_RECIPE and any(one.get(path) is not None for one in flat)
    ]


def differences(specs: Sequence[Table]) -> list[Field]:
    """Return the fields in which recipes differ, in the spec's order."""
    return [field for field in fields_of(specs) if field.differs]


def labels(found: Sequence[Field], count: int, names: Mapping[str, str] | None = None) -> list[str]:
    """Return for each of `count` recipes a label made of what differs: "lr 0.1 · batch size 64"; "" where nothing does.

    What more than half of them share is left out, but of one that has nothing of its own. `names` says what a recipe
    is called that others start from, by its hash.
    """
    whole = [_parts([field for field in found if _tells(field, n)], n, names) for n in range(count)]
    own = [
        _parts([field for field in found if _tells(field, n) and not _is_usual(field, n)], n, names)
        for n in range(count)
    ]
    brief = [few or all_of_it for few, all_of_it in zip(own, whole, strict=True)]
    for parts in (brief, whole):
        cut = [_joined(one[:LONGEST_LABEL], len(one) - LONGEST_LABEL) for one in parts]
        if len(set(cut)) == count:
            return cut
    return [_joined(one, 0) for one in whole]


def short(path: str, value: Any, names: Mapping[str, str] | None = None) -> str:
    """Return a value as a label names it: "lr 0.1", "64 px", "training images: all"."""
    title, template, _ = FIELDS.get(path, (path, f"{path} {{}}", "none"))
    if path == "features.arch" and value is None:
        return "no features"
    if value is None:
        return f"{title.lower()}: {shown(path, value)}"
    return template.format(shown(path, value, names))


def shown(path: str, value: Any, names: Mapping[str, str] | None = None) -> str:
    """Return a value as it stands in a table."""
    if value is None:
        return FIELDS[path][2] if path in FIELDS else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    if path.endswith(".parent"):
        return (names or {}).get(text, text[:12])
    if path == "optimizer.name":
        return NAMES.get(text, text)
    if path.endswith((".name", ".arch")):
        return text
    return text.replace("_", " ")


def _parts(found: Sequence[Field], n: int, names: Mapping[str, str] | None) -> list[str]:
    return list(dict.fromkeys(short(field.path, field.values[n], names) for field in found))


def _tells(field: Field, n: int) -> bool:
    """Whether a label gains by this field: not by what is empty because another field says so already."""
    empty = field.values[n] is None
    return not empty or field.path == "features.arch" or field.path.startswith("dataset.")


def _is_usual(field: Field, n: int) -> bool:
    return field.usual is not None and field.keys[n] == field.usual


def _joined(parts: Sequence[str], more: int) -> str:
    return " · ".join([*parts, *([f"{more} more"] if more > 0 else [])])


def _without_the_meaningless(values: dict[str, Any]) -> dict[str, Any]:
    return {**values, **dict.fromkeys(meaningless(values.get))}


def _leaves(table: Table, part: type[BaseModel], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield path and value of each field; none of a part that is empty."""
    for name, field in part.model_fields.items():
        value = table[name] if name in table else field.get_default(call_default_factory=True)
        below = part_of(field.annotation)
        if below is None:
            yield f"{above}{name}", None if value is PydanticUndefined else value
        elif isinstance(value, BaseModel):
            yield from _leaves(value.model_dump(mode="json"), below, f"{above}{name}.")
        elif isinstance(value, Mapping):
            yield from _leaves(value, below, f"{above}{name}.")
    for name in table.keys() - part.model_fields.keys():
        yield f"{above}{name}", table[name]


def _key(value: Any) -> Any:
    """Tell True from 1, and a table or list by its text; 1 and 1.0 are one number."""
    return (isinstance(value, bool), value if isinstance(value, int | float | str | None) else repr(value))
