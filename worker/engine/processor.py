"""The processor's name. Apart, because the worker's own process asks for it too and loads no torch."""

import platform
from pathlib import Path


def processor_name() -> str:
    """Return the processor's name where Linux tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
