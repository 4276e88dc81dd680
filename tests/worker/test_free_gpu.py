"""Which GPU a worker of several equal containers takes."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from worker.free_gpu import NoFreeGpu, take

NAMES = ["GPU-aaa", "GPU-bbb"]


def test_each_of_several_workers_takes_another_gpu(tmp_path: Path) -> None:
    first, _ = take(tmp_path / "gpus", NAMES)
    second, _ = take(tmp_path / "gpus", NAMES)
    assert [first, second] == [[name] for name in NAMES]
    with pytest.raises(NoFreeGpu, match="All 2 GPUs here have a worker already: start 2 workers at most"):
        take(tmp_path / "gpus", NAMES)


def test_a_gpu_is_free_again_once_its_worker_is_gone(tmp_path: Path) -> None:
    code = f"import os; from pathlib import Path; from worker.free_gpu import take; print(*take(Path({str(tmp_path)!r}), {NAMES!r})[0], flush=True); os.read(0, 1)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"GPU-aaa"
        held, (file,) = take(tmp_path, NAMES)
        assert held == ["GPU-bbb"]
        other.kill()
        other.wait()
        assert take(tmp_path, NAMES)[0] == ["GPU-aaa"]
    os.close(file)


def test_a_worker_takes_several_gpus_or_what_is_left(tmp_path: Path) -> None:
    names = ["GPU-aaa", "GPU-bbb", "GPU-ccc"]
    assert [take(tmp_path, names, 2)[0] for _ in range(2)] == [["GPU-aaa", "GPU-bbb"], ["GPU-ccc"]]
    with pytest.raises(NoFreeGpu, match="All 3 GPUs here have a worker already: start 2 workers at most"):
        take(tmp_path, names, 2)


def test_the_process_that_a_taker_becomes_keeps_the_gpu_and_its_children_do_not(tmp_path: Path) -> None:
    # In the worker's place a script that starts a child and waits: it inherits what the real one would.
    (tmp_path / "worker.py").write_text(
        "import os, subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import os; os.read(0, 1)'])\n"
        "print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['RUNYARD_WORKER_DEVICE'], flush=True)\n"
        "os.read(0, 1)\n"
    )
    locks = tmp_path / "gpus"
    code = (
        "import os; from pathlib import Path; from worker.free_gpu import become_worker, take; "
        f"os.chdir({str(tmp_path)!r}); become_worker(*take(Path({str(locks)!r}), {NAMES!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as taker:
        assert taker.stdout is not None
        assert taker.stdout.readline().split() == [b"GPU-aaa", b"GPU-aaa"]
        other, (file,) = take(locks, NAMES)
        assert other == ["GPU-bbb"]
        (child,) = psutil.Process(taker.pid).children()
        taker.kill()
        taker.wait()
        assert child.is_running()
        assert take(locks, NAMES)[0] == ["GPU-aaa"]
    os.close(file)


def test_a_machine_without_gpus_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker.free_gpu"],
        env={**os.environ, "RUNYARD_HOME": str(tmp_path), "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "No GPU is seen here: is NVIDIA's container toolkit installed on the host?\n"
