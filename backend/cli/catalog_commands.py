"""The commands that say what is there: presets, models, and how the service fares."""

from typing import Annotated, Any

import typer

from backend.cli.preset_text import print_preset
from backend.cli.service import Json, open_client
from backend.cli.tables import GAP, instant, print_json, print_table
from backend.errors import UnknownName

catalog = typer.Typer()


@catalog.command()
def presets(
    name: Annotated[
        str | None, typer.Argument(help="One preset: what the report says of it, and leaves open.")
    ] = None,
    json_: Json = False,
) -> None:
    """List the presets that can be launched, or tell all about one."""
    with open_client() as client:
        found = client.presets()
    if name is not None:
        one = _named(name, found)
        print_json(one) if json_ else print_preset(one)
        return
    if json_:
        print_json(found)
        return
    rows = [(one["name"], one["title"], one["starts_from"] or GAP, *_sizes(one["sizes"])) for one in found]
    print_table(("name", "title", "starts from", "published on", "epochs>", "quick on", "epochs>"), rows)


def _named(name: str, found: list[dict[str, Any]]) -> dict[str, Any]:
    by_name = {one["name"]: one for one in found}
    if name not in by_name:
        raise UnknownName("preset", name, by_name)
    return by_name[name]


def _sizes(sizes: dict[str, dict[str, Any]]) -> list[str]:
    return [
        cell
        for size in ("published", "quick")
        for cell in (sizes[size]["dataset"]["name"], str(sizes[size]["epochs"]))
    ]


@catalog.command()
def models(json_: Json = False) -> None:
    """List the models that a spec can name."""
    with open_client() as client:
        found = client.models()
    if json_:
        print_json(found)
        return
    rows = [
        (one["name"], f"{'' if one['exact'] else 'from '}{one['min_pixels']} px", f"{one['parameters']:,}")
        for one in found
    ]
    print_table(("name", "images", "parameters>"), rows)


@catalog.command()
def status(json_: Json = False) -> None:
    """Say how the service fares: runs by state, the queue, the workers."""
    with open_client() as client:
        found = client.status()
    if json_:
        print_json(found)
        return
    counts = ", ".join(f"{count} {state}" for state, count in found["counts"].items() if count)
    print(f"Runyard {found['version']}: {counts or 'no runs yet'}.")
    if found["paused_at"]:
        print(f"The queue is paused since {instant(found['paused_at'])}.")
    if found["workers"]:
        rows = [
            (one["id"], one["device_name"], one["state"], str(one["run"] or GAP)) for one in found["workers"]
        ]
        print_table(("worker", "device", "state", "run"), rows)
    else:
        print("No workers.")
