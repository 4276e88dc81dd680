"""Whether compared runs had the same data and versions, of which no recipe says anything."""

from collections.abc import Sequence

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.reading import planned
from backend.analysis.numerals import listed

FACTS = {
    "data_hash": "data",
    "torch": "torch",
    "torchvision": "torchvision",
    "cuda": "CUDA",
    "cudnn": "cuDNN",
    "commit": "Runyard's commit",
}
"""Facts of an environment that change numbers, and what sentences call them."""


def data_or_versions_differ(runs: Sequence[Evidence]) -> list[Finding]:
    """Say which facts that change numbers are not the same in all of the runs that tell them."""
    different = {name: values for name in FACTS if len(values := _told(runs, name)) > 1}
    if not different:
        return []
    told = [
        f"{FACTS[name]} ({listed([value[:19] for value in values])})" for name, values in different.items()
    ]
    return [
        Finding(
            "data-or-versions-differ",
            "note",
            1,
            max(1, *(run.epochs_done for run in runs)),
            different,
            f"The compared runs differ in what no recipe says: {', '.join(told)}.",
            "Run them again on the same data and versions before small differences are believed.",
            None,
            tuple(range(len(runs))),
        )
    ]


def _told(runs: Sequence[Evidence], fact: str) -> list[str]:
    """Return the different values of a fact, of runs that tell it; data only of runs that name the same set."""
    known = [run for run in runs if run.facts.get(fact) is not None]
    if fact == "data_hash" and len({planned(run, "dataset.name") for run in known}) > 1:
        by_name: dict[str, set[str]] = {}
        for run in known:
            by_name.setdefault(str(planned(run, "dataset.name")), set()).add(str(run.facts[fact]))
        return sorted(set().union(*(values for values in by_name.values() if len(values) > 1)))
    return sorted({str(run.facts[fact]) for run in known})
