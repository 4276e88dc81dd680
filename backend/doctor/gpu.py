"""The GPUs of this machine: that they are seen, may be opened, and that torch can use them. Loads neither torch nor CUDA."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pynvml

from backend.doctor.finding import Finding, fault, note, ok

ABOUT = "GPU"
NODES = ("nvidiactl", "nvidia[0-9]*")


@dataclass(frozen=True)
class Torch:
    """`cuda` is what it was built for, None for the processor alone."""

    version: str
    cuda: str | None


@dataclass(frozen=True)
class GpuFacts:
    """`nodes` are the device files there are, `closed` those that this user may not open.

    `problem` is what NVML says in place of `names`; `driver_cuda` the newest CUDA that the driver knows.
    """

    nodes: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    problem: str | None = None
    driver: str = ""
    driver_cuda: tuple[int, int] | None = None
    names: tuple[str, ...] = ()
    torch: Torch | None = None
    visible: str | None = None
    """CUDA_VISIBLE_DEVICES, where it is set."""


def look_at_gpus(environ: Mapping[str, str], devices: Path = Path("/dev")) -> GpuFacts:
    nodes = tuple(str(path) for pattern in NODES for path in sorted(devices.glob(pattern)))
    closed = tuple(node for node in nodes if not os.access(node, os.R_OK | os.W_OK))
    torch, visible = installed_torch(), environ.get("CUDA_VISIBLE_DEVICES")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as problem:
        return GpuFacts(nodes, closed, str(problem), torch=torch, visible=visible)
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        names = tuple(str(pynvml.nvmlDeviceGetName(handle)) for handle in handles)
        known = divmod(pynvml.nvmlSystemGetCudaDriverVersion_v2(), 1000)
        driver = str(pynvml.nvmlSystemGetDriverVersion())
        return GpuFacts(nodes, closed, None, driver, (known[0], known[1] // 10), names, torch, visible)
    except pynvml.NVMLError as problem:
        return GpuFacts(nodes, closed, str(problem), torch=torch, visible=visible)
    finally:
        pynvml.nvmlShutdown()


def judge_gpus(facts: GpuFacts) -> list[Finding]:
    if facts.closed:
        sentence = f"This user may not open {', '.join(facts.closed)}."
        return [
            fault(
                ABOUT,
                sentence,
                "add the user to the group of these files (ls -l /dev/nvidia*), and log in again",
            )
        ]
    if facts.problem is not None and facts.nodes:
        sentence = f"There is an NVIDIA device, but its driver gives no answer: {facts.problem}."
        return [
            fault(ABOUT, sentence, "nvidia-smi says more; after an update of the driver, restart the machine")
        ]
    if not facts.names:
        return [ok(ABOUT, "No GPU here: trainings use the CPU.")]
    named = ", ".join(facts.names)
    found = [ok(ABOUT, f"{named}; driver {facts.driver}.")]
    if facts.visible is not None and not facts.visible.strip().strip("-1"):
        sentence = (
            f"CUDA_VISIBLE_DEVICES is {facts.visible!r}: it hides every GPU, and trainings use the CPU."
        )
        found.append(note(ABOUT, sentence, "unset CUDA_VISIBLE_DEVICES"))
    return [*found, *_judge_torch(facts)]


def _judge_torch(facts: GpuFacts) -> list[Finding]:
    torch, known = facts.torch, facts.driver_cuda
    if torch is None:
        return [note(ABOUT, "torch is not installed here: workers run elsewhere.")]
    if torch.cuda is None:
        sentence = f"torch {torch.version} is built for the CPU alone: trainings do not use the GPU."
        return [fault(ABOUT, sentence, "install what requirements.lock names: its torch brings CUDA")]
    if known is not None and int(torch.cuda.partition(".")[0]) > known[0]:
        newest = f"{known[0]}.{known[1]}"
        sentence = f"torch {torch.version} needs CUDA {torch.cuda}, and driver {facts.driver} knows {newest} at most."
        return [fault(ABOUT, sentence, "update the driver")]
    return [ok(ABOUT, f"torch {torch.version} is built with CUDA {torch.cuda}, which the driver knows.")]


def installed_torch() -> Torch | None:
    """Return what the installed torch says of itself in its file; to import it takes seconds, and would begin with CUDA."""
    spec = find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    try:
        text = Path(spec.origin).with_name("version.py").read_text()
    except OSError:
        return None
    version = re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE)
    cuda = re.search(r"^cuda[^=]*= '([^']+)'", text, re.MULTILINE)
    return Torch(version[1] if version else "of an unknown version", cuda[1] if cuda else None)
