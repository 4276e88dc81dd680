"""What can be launched: presets with their sizes, models, data sets, and the rules of each field."""

from dataclasses import asdict
from functools import cache
from typing import Any

from fastapi import APIRouter

from backend.api.deps import DatabaseDep
from backend.api.problems import RESPONSES
from backend.api.wire import DatasetWire, WeightsWire, dataset_wire, weights_wire
from backend.catalog.datasets import BUILTIN
from backend.catalog.models import models, nodes
from backend.catalog.presets import SIZES, planned, presets
from backend.errors import UnknownName
from backend.spec import field_paths, field_rules
from backend.store import datasets, weights

router = APIRouter(prefix="/api", tags=["catalog"])


@router.get("/presets")
def list_presets() -> dict[str, Any]:
    """Return the presets, each as published and in its quick size, and the rules of all fields of a spec."""
    shown = [
        {
            "name": known.name,
            "title": known.title,
            "section": known.section,
            "about": known.about,
            "corrects": known.corrects,
            "pretraining": known.pretraining,
            "faithful": asdict(known.faithful) if known.faithful else None,
            "starts_from": _parent_preset(known.name),
            "sizes": {size: known.spec(size).model_dump(mode="json") for size in SIZES},
        }
        for known in presets().values()
    ]
    return {"presets": shown, "fields": _field_rules()}


@router.get("/models")
def list_models() -> dict[str, Any]:
    """Return the models by name, with the image sizes they take."""
    return {"models": [asdict(model) for model in models().values()]}


@router.get("/models/{arch}/nodes", responses=RESPONSES)
def list_nodes(arch: str) -> dict[str, Any]:
    """Return the nodes that features can be taken from, in their order, each with its shape for an image of 224 px.

    Null where a model's nodes are not listed: any name is then accepted, and the worker checks it.
    """
    if arch not in models():
        raise UnknownName("model", arch, models())
    return {"nodes": nodes(arch)}


@router.get("/datasets")
def list_datasets(database: DatabaseDep) -> dict[str, list[DatasetWire]]:
    """Return the data sets: those that need no import first."""
    builtin = [
        DatasetWire(
            name=known.name,
            title=known.title,
            hash=None,
            classes=list(known.classes),
            train_count=known.train_count,
            test_count=known.test_count,
            pixels=known.pixels,
            builtin=True,
        )
        for known in BUILTIN.values()
    ]
    with database.read() as session:
        return {"datasets": builtin + [dataset_wire(row) for row in datasets.current(session)]}


@router.get("/weights")
def list_weights(database: DatabaseDep) -> dict[str, list[WeightsWire]]:
    """Return the weights that an operator imported or fetched, by architecture."""
    with database.read() as session:
        return {"weights": [weights_wire(row) for row in weights.everything(session)]}


@cache
def _field_rules() -> dict[str, dict[str, Any]]:
    return {path: field_rules(path) for path in field_paths()}


def _parent_preset(name: str) -> str | None:
    """Return the preset whose run a preset starts from."""
    parent = planned(name, "published").parent
    return parent.preset if parent else None
