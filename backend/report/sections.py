"""A whole report as a page shows it: its sections in the order of the published outline."""

from typing import Any

from backend.catalog.reports import (
    ChangesPart,
    ComparisonPart,
    ExperimentPart,
    Part,
    ReferencesPart,
    SweepPart,
    TextPart,
)
from backend.report.claim_tests import ClaimTests, claim_tests
from backend.report.claims import comparison_block
from backend.report.experiments import experiment_block
from backend.report.layers import replaced_output
from backend.report.material import Material
from backend.report.sweep import sweep_block


def sections(material: Material) -> list[dict[str, Any]]:
    """Return the sections with their blocks; every measured number in them is a stored one."""
    tests = claim_tests(material)
    return [
        {
            "id": section.id,
            "title": section.title,
            "blocks": [_block(part, material, tests) for part in section.parts],
        }
        for section in material.report.sections
    ]


def _block(part: Part, material: Material, tests: ClaimTests) -> dict[str, Any]:
    match part:
        case TextPart():
            named = {"id": part.id, "title": part.title} if part.id else {}
            return {"kind": "text", **named, "text": part.text}
        case ChangesPart():
            return _changes(part, material)
        case ExperimentPart():
            return experiment_block(part, material)
        case ComparisonPart():
            return comparison_block(part, material, tests)
        case SweepPart():
            return sweep_block(part, material)
        case ReferencesPart():
            items = [{"label": one.label, "text": one.text, "url": one.url} for one in part.items]
            return {"kind": "references", "items": items}


def _changes(part: ChangesPart, material: Material) -> dict[str, Any]:
    rows = []
    for arch, title in material.report.architectures.items():
        used = [
            one
            for one in material.report.experiments()
            if material.plan.cells[one.preset].spec.model.arch == arch
        ]
        known = [material.images.get(material.plan.cells[one.preset].spec.dataset.name) for one in used]
        classes = next((images.classes for images in known if images), None)
        change = replaced_output(arch, classes)
        if change:
            rows.append({"arch": arch, "title": title, **change, "sections": [one.id for one in used]})
    return {"kind": "changes", "id": part.id, "title": part.title, "text": part.text, "rows": rows}
