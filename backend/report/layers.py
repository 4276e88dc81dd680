"""Which layer of a network is replaced so that it has one output for each class."""

import re

from backend.catalog.models import models


def replaced_output(arch: str, classes: int | None) -> dict[str, str] | None:
    """Return the output layer before and after; None where the catalog lists none, as for softmax regression.

    "classes" stands in for a number that is not known before the data set is there.
    """
    model = models().get(arch)
    if model is None or not model.output_layer:
        return None
    before = model.output_before
    # The number of outputs stands last in a linear layer, second in a convolution: the library's networks have 1000.
    after = re.sub(r"\b1000\b", "classes" if classes is None else str(classes), before)
    return {"path": model.output_layer, "before": before, "after": after}
