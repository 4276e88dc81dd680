"""What the commands print that several of them share: lists, and what became of what was asked."""

from collections.abc import Collection
from typing import Any

from backend.cli.tables import percent, print_json, print_table


def launched(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
        return
    ids, parents = answer["runs"], answer["parents"]
    named = _numbered(ids)
    if parents:
        named += f", and what {'it starts' if len(ids) == 1 else 'they start'} from: {_numbered(parents)}"
    print(f"Queued {named}. Follow with: runyard watch {ids[0]}")


def _numbered(ids: list[int]) -> str:
    """Return "run 3", "runs 3 to 5", or "runs 3, 5, 7": parents may stand between the runs of a launch."""
    if len(ids) == 1:
        return f"run {ids[0]}"
    gapless = ids == list(range(ids[0], ids[-1] + 1))
    return f"runs {ids[0]} to {ids[-1]}" if gapless else f"runs {', '.join(map(str, ids))}"


def runs(found: list[dict[str, Any]], stale: Collection[int] = ()) -> None:
    """Print runs; those in `stale` are in training and not heard of. What was found of runs stands last, where anything was."""
    columns = ("id>", "name", "data", "size", "state", "epoch>", "test acc>", "best>", "seed>")
    rows = [_run_row(run, is_stale=run["id"] in stale) for run in found]
    marks = [_marks(run) for run in found]
    if any(marks):
        columns = (*columns, "found")
        rows = [(*row, mark) for row, mark in zip(rows, marks, strict=True)]
    print_table(columns, rows)


def _marks(run: dict[str, Any]) -> str:
    return ", ".join(f"{one['severity']}: {one['title'].lower()}" for one in run["findings"])


def _run_row(run: dict[str, Any], *, is_stale: bool) -> tuple[str, ...]:
    last = run["last"] or {"epoch": 0, "metrics": {}}
    return (
        str(run["id"]),
        run["name"],
        run["spec"]["dataset"]["name"],
        run["size"] or "",
        f"{run['state']}, stale" if is_stale else run["state"],
        f"{last['epoch']}/{run['spec']['epochs']}",
        percent(last["metrics"].get("test_acc")),
        percent(run["best_test_acc"]),
        str(run["seed"]),
    )


def moved(answer: dict[str, Any], *, as_json: bool) -> None:
    """Tell what became of a run that was moved: its new state, or that it is gone. JSON is a line each."""
    if as_json:
        print_json(answer, as_line=True)
    elif "deleted" in answer:
        print(f"Run {answer['deleted']} is deleted.")
    else:
        print(f"Run {answer['id']} is {answer['state']}.")


def datasets(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        (
            dataset["name"],
            str(len(dataset["classes"])),
            f"{dataset['train_count']:,}",
            f"{dataset['test_count']:,}",
            str(dataset["pixels"]),
            (dataset["hash"] or "generated")[:12],
        )
        for dataset in found
    ]
    print_table(("name", "classes>", "train>", "test>", "pixels>", "hash"), rows)


def weights(found: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    if not found:
        print("No weights yet. Try: runyard weights fetch resnet18")
        return
    rows = [
        (one["arch"], one["source"], one["name"], f"{one['classes']:,}", one["sha256"][:12]) for one in found
    ]
    print_table(("model", "source", "name", "classes>", "hash"), rows)
