"""A series of 100,000 steps: into the store in chunks, and out again as one curve.

`make bench BENCH=benchmarks/series.py`. With `--peers` the same work by trackio and TensorBoard, each in a virtual
environment under a temporary folder, installed by pip from its usual index; without them their goals are not shown.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from backend.spec import parse_spec
from backend.store import attempts, chunks, launches, migrate
from backend.store.session import Database
from benchmarks.goals import Goals

STEPS, STEPS_AT_ONCE, TRIES = 100_000, 1_000, 5
"""The engine hands on as many steps at once (`worker.engine.step_series`)."""

NAME, OWNER, LEASE_SECONDS = "step_loss", "benchmark", 60.0
PEERS = Path(__file__).parent / "peers"

INGEST_GOAL, READ_GOAL = 10, 100


def measured(folder: Path) -> tuple[float, float]:
    """Return the CPU seconds of writing and of reading the series; each chunk in a transaction that begins with the fence."""
    database = Database(f"sqlite:///{folder / 'store.sqlite'}")
    migrate.upgrade(database)
    spec = parse_spec({"dataset": {"name": "shapes"}, "model": {"arch": "softmax-regression"}})
    with database.write() as session:
        launches.accept(session, [launches.NewRun(spec, "series")], body_sha256="0" * 64)
    with database.write() as session:
        claimed = attempts.claim(session, OWNER, LEASE_SECONDS)
    assert claimed
    values = [1 / step for step in range(1, STEPS + 1)]
    began = time.process_time()
    for start in range(0, STEPS, STEPS_AT_ONCE):
        with database.write() as session:
            assert attempts.renew(session, claimed.run_id, claimed.attempt, OWNER, LEASE_SECONDS)
            these = {NAME: values[start : start + STEPS_AT_ONCE]}
            chunks.append_steps(session, claimed.run_id, claimed.attempt, start + 1, these)
    ingested = time.process_time()
    with database.read() as session:
        # Once before, as in a service that has answered already; peers read a small series before.
        chunks.read_steps(session, claimed.run_id, NAME)
        began_to_read = time.process_time()
        found = chunks.read_steps(session, claimed.run_id, NAME)
        read = time.process_time()
    assert list(found.values) == values
    database.dispose()
    return ingested - began, read - began_to_read


def peer(name: str, folder: Path) -> dict[str, float]:
    """Install a peer and let it do the same work; return its CPU seconds."""
    environment = folder / name
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    python = str(environment / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", name], check=True)
    written = folder / f"{name}-series"
    arguments = {"trackio": str(STEPS_AT_ONCE), "tensorboard": str(written)}
    done = subprocess.run(
        [python, str(PEERS / f"{name}_series.py"), str(STEPS), arguments[name]],
        env={**os.environ, "TRACKIO_DIR": str(written)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def row(what: str, ingest: float, read: float) -> None:
    print(
        f"{what:<28}{ingest:12.3f}{STEPS / ingest:16,.0f}{1000 * read:12.2f}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--peers", action="store_true", help="install trackio and TensorBoard, and measure them too"
    )
    with_peers, goals = parser.parse_args().peers, Goals()
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}; {STEPS:,} steps"
    )
    print(f"{'store':<28}{'ingest CPU s':>12}{'steps/CPU s':>16}{'read CPU ms':>12}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tries = [measured(Path(tempfile.mkdtemp(dir=folder))) for _ in range(TRIES)]
        ingest, read = (statistics.median(one) for one in zip(*tries, strict=True))
        row("Runyard, SQLite", ingest, read)
        if with_peers:
            told = peer("trackio", folder)
            row(f"trackio {told['version']}", told["ingest"], told["read"])
            goals.at_least("series-ingest-against-trackio", told["ingest"] / ingest, INGEST_GOAL, "x")
            goals.at_least("series-read-against-trackio", told["read"] / read, READ_GOAL, "x")
            told = peer("tensorboard", folder)
            row(f"TensorBoard {told['version']}", told["ingest"], told["read"])
        else:
            goals.unshown("series-ingest-against-trackio", f">={INGEST_GOAL}x", "asked for with --peers")
            goals.unshown("series-read-against-trackio", f">={READ_GOAL}x", "asked for with --peers")
    goals.end()


if __name__ == "__main__":
    main()
