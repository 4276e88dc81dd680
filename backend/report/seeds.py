"""Which seeds a recipe of a report lacks, as a launch that any page may send: a clone of one of its runs."""

from typing import Any

from backend.analysis.recipes import next_seeds
from backend.catalog.presets import Planned, preset
from backend.report.material import ACTIVE, Material


def seeds_to_add(planned: Planned, material: Material, wanted: int) -> dict[str, Any] | None:
    """Return the launch that brings a recipe to so many seeds; None where it has them, or they are on their way.

    A recipe without any run has none to clone: it comes with "run what is missing".
    """
    launched = material.launched_of(planned)
    counted = {run.seed for run in material.replicates_of(planned).runs}
    on_their_way = {run.seed for run in launched if run.state in ACTIVE} - counted
    lacking = wanted - len(counted) - len(on_their_way)
    if not launched or lacking <= 0:
        return None
    assert planned.preset
    return {
        "recipe": planned.spec.recipe_hash()[:12],
        "title": preset(planned.preset).title,
        "clone": launched[0].id,
        "seeds": next_seeds((run.seed for run in launched), lacking),
    }
