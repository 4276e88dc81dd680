"""A GPU that tells what a test gives it."""


class GivenGpu:
    """Implements `worker.gpu_probe.GpuProbe`; `now` may be changed at any time."""

    def __init__(
        self, load: float = 0.5, memory_bytes: float = 2**30, watts: float = 100.0, joules: float = 0.0
    ) -> None:
        self.now = {"load": load, "memory_bytes": memory_bytes, "watts": watts, "joules": joules}

    def load(self) -> float:
        return self.now["load"]

    def memory_bytes(self) -> float:
        return self.now["memory_bytes"]

    def watts(self) -> float:
        return self.now["watts"]

    def joules(self) -> float:
        return self.now["joules"]
