"""What the rules find, of one run and between several; the gravest first.

Where one finding explains another, the cause alone is said:
- a loss that ran away explains whatever the network answers afterwards, and how it ends;
- one answer for all images explains an accuracy and a loss of guessing. That a network knows nothing does not say that it
  has one answer, so the narrower statement stays;
- softmax applied twice does not by itself collapse a network (Table 3.1 learned), and a collapse has other causes, so both
  are said of Table 3.2. But it does explain a loss over that of guessing.
"""

from collections.abc import Sequence

from backend.analysis.findings.evidence import Evidence
from backend.analysis.findings.finding import Finding
from backend.analysis.findings.rules import RULES

__all__ = ["RULES", "between", "findings_of", "in_order"]


def findings_of(evidence: Evidence) -> list[Finding]:
    """Return what is found of one run: sick before notes, and no finding that another explains."""
    found = [one for rule in RULES.values() if rule.find and (one := rule.find(evidence))]
    explained = {name for one in found for name in RULES[one.rule].explains}
    return in_order([one for one in found if one.rule not in explained])


def between(runs: Sequence[Evidence]) -> list[Finding]:
    """Return what is found of several runs that are compared; `runs` of a finding are places in this sequence."""
    return in_order([one for rule in RULES.values() if rule.compare for one in rule.compare(runs)])


def in_order(found: Sequence[Finding]) -> list[Finding]:
    """Return findings with the sick ones first, each kind in the order of the rules."""
    order = list(RULES)
    return sorted(found, key=lambda one: (one.severity != "sick", order.index(one.rule)))
