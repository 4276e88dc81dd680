"""Torchvision's ImageNet weights: which ones an architecture has, how they are recognised, how they are fetched."""

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from torchvision.models import get_model_weights

from backend.catalog.models import models
from backend.errors import DataProblem

Tell = Callable[[int, int], None]
"""Told (bytes done, bytes in all); 0 in all where the server does not say."""

TIMEOUT_SECONDS = 30.0
"""A server that says nothing for so long is given up."""

_HASH = re.compile(r"-([0-9a-f]{8,64})\.\w+$")
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Published:
    """Weights that torchvision publishes. Their file's name ends in the first digits of its SHA-256."""

    name: str
    url: str

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


def published(arch: str) -> list[Published]:
    """Return the ImageNet weights of an architecture, the oldest first, but for files that classify nothing."""
    return [
        Published(one.name, one.url)
        for one in get_model_weights(arch)
        if one.name.startswith("IMAGENET1K") and one.meta["categories"]
    ]


def standard(arch: str) -> Published:
    """Return the weights that a run means by source imagenet: the first ones, as the published report used them.

    The first, that is, for images of the size that our network takes: vit_h_14 has older ones for larger images.
    """
    model = models()[arch]
    sizes = {one.name: min(one.meta["min_size"]) for one in get_model_weights(arch)}
    return next(one for one in published(arch) if not model.exact or sizes[one.name] == model.min_pixels)


def recognised(digest: str, files: Iterable[tuple[str, str]]) -> str | None:
    """Return the name, of (name, file name) pairs, whose file this SHA-256 is of; None where it is of none."""
    return next((name for name, file_name in files if digest.startswith(wanted_hash(file_name))), None)


def wanted_hash(file_name: str) -> str:
    """Return the first digits of the SHA-256 that torchvision writes into the names of its files."""
    match = _HASH.search(file_name)
    assert match, file_name
    return match[1]


def download(url: str, path: Path, tell: Tell) -> None:
    """Fetch a file whose name holds its hash, and check it. The caller removes what is left of a failure.

    Not by torch.hub: it tells nobody how far it is, and waits without end for a server that fell silent.
    What `tell` raises ends it.

    Raises:
        DataProblem: why it could not be fetched, as a part of a sentence.
    """
    digest, done = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as answer, path.open("wb") as file:
            total = int(answer.headers.get("Content-Length") or 0)
            # What has come, not whole blocks: of a slow server too, `tell` hears often, and may raise.
            while block := answer.read1(_BLOCK_BYTES):
                file.write(block)
                digest.update(block)
                done += len(block)
                tell(done, total)
    except urllib.error.HTTPError as problem:
        problem.close()
        raise DataProblem(f"the server answered {problem.code} {problem.reason}".rstrip()) from None
    except (OSError, HTTPException, ValueError) as problem:
        raise DataProblem(_why(problem)) from None
    if not digest.hexdigest().startswith(wanted := wanted_hash(url)):
        raise DataProblem(
            f"what came has the SHA-256 {digest.hexdigest()[: len(wanted)]}…, and {wanted}… was wanted"
        )


def _why(problem: Exception) -> str:
    inner = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return str(inner) or type(inner).__name__
