"""How a recipe differs from the published protocol, in words."""

from dataclasses import replace
from typing import Any

from backend.catalog.presets import merged
from backend.catalog.references import published_tables
from backend.catalog.reports import REPORT, report
from backend.report.material import Material
from backend.report.protocol import differences
from backend.reporting import Variant, plan_report
from backend.spec import parse_spec
from backend.store.reports import Found

NAME = "alexnet-from-scratch"


def told(**changes: Any) -> dict[str, str]:
    """Return what is said of the published experiment with changes, by field."""
    plan = plan_report(Variant(REPORT, "published", "cifar10", "imagenet"))
    tables = published_tables()
    material = Material(report(REPORT), plan, tables, {}, Found({}, {}), [0], 0)
    part = next(one for one in report(REPORT).experiments() if one.preset == NAME)
    cell = plan.cells[NAME]
    changed = replace(cell, spec=parse_spec(merged(cell.spec.model_dump(mode="json"), changes)))
    return {one["field"]: one["here"] for one in differences(part, tables[NAME], changed, material)}


def test_the_published_recipe_differs_in_nothing() -> None:
    assert told() == {}


def test_each_part_that_the_report_did_not_have_is_named() -> None:
    assert told(
        optimizer={"momentum": 0.9, "nesterov": True},
        schedule={"name": "step", "step_epochs": 3, "warmup_epochs": 0.5},
        dataset={"augment": "crop_flip", "validation": 0.1},
        loss={"label_smoothing": 0.1},
        early_stopping={"patience": 1},
        ema=0.99,
        gradient_clip=1.0,
    ) == {
        "optimizer": "SGD, Nesterov momentum 0.9",
        "schedule": "step, times 0.1 every 3 epochs, warm-up of 0.5 epochs",
        "augmentation": "crop and flip",
        "regularisation": "label smoothing 0.1, gradients clipped to 1, average of weights 0.99",
        "kept back to validate on": "10.0% of the training images",
        "early stopping": "after 1 epoch without a better val loss",
    }


def test_another_optimizer_is_called_as_people_write_it() -> None:
    assert told(optimizer={"name": "adamw", "weight_decay": 0.01})["optimizer"] == "AdamW, weight decay 0.01"
