"""What can be launched: presets with their sizes, models, data sets, and the rules of each field."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from backend.api.deps import DatabaseDep
from backend.api.wire import DatasetWire, dataset_wire
from backend.catalog.datasets import BUILTIN
from backend.catalog.models import models
from backend.catalog.presets import SIZES, presets
from backend.spec import Spec, field_rules
from backend.store import datasets

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
            "sizes": {size: known.spec(size).model_dump(mode="json") for size in SIZES},
        }
        for known in presets().values()
    ]
    return {"presets": shown, "fields": {path: field_rules(path) for path in _paths()}}


@router.get("/models")
def list_models() -> dict[str, Any]:
    """Return the models by name, with the image sizes they take."""
    return {"models": [asdict(model) for model in models().values()]}


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


def _paths() -> list[str]:
    paths = []
    for name, field in Spec.model_fields.items():
        parts = getattr(field.annotation, "model_fields", None)
        paths += [f"{name}.{part}" for part in parts] if parts else [name]
    return paths
