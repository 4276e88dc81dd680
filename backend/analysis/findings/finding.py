"""What a rule says of a run, or of several that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["sick", "note"]
"""A sick run should not be trusted as it is; a note is worth knowing of a healthy one."""


@dataclass(frozen=True)
class Finding:
    """`rule` is a name of `backend.analysis.findings.rules.RULES`."""

    rule: str
    severity: Severity
    epoch: int
    """The first epoch that it holds from."""
    until: int
    """The last epoch that it was seen in."""
    evidence: Mapping[str, Any]
    """The numbers that the rule went by, with its limits."""
    sentence: str
    advice: str
    change: Mapping[str, Any] | None = None
    """Fields of the spec, by dotted path, for "clone with this change"; None where none follows."""
    runs: tuple[int, ...] = ()
    """Places of the runs that it is about, among those compared; () where it is about one run."""
