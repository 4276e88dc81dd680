"""The commands for weights to start from: list them, import files, fetch torchvision's."""

import subprocess
import sys
from typing import Annotated

import typer

from backend.cli import show
from backend.cli.service import Json, open_client

weights = typer.Typer(
    help="Weights that runs start from: list them, import files, fetch ImageNet's.", no_args_is_help=True
)

Arch = Annotated[
    str, typer.Argument(metavar="ARCH", help="A classification model of torchvision, such as resnet18.")
]


@weights.command("list")
def list_weights(json_: Json = False) -> None:
    """List the weights."""
    with open_client() as client:
        show.weights(client.weights(), as_json=json_)


@weights.command("import")
def import_weights(
    arch: Arch,
    file: Annotated[
        str, typer.Argument(help="A state dict, saved by torch.save or as .safetensors.", metavar="FILE")
    ],
    name: Annotated[
        str | None,
        typer.Option(help="Name that specs will use; leave it out for torchvision's own ImageNet weights."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let a name that is taken mean this file from now on.")
    ] = False,
) -> None:
    """Import a file of weights on this machine; the service need not run."""
    options = [*(["--name", name] if name is not None else []), *(["--replace"] if replace else [])]
    _run_worker_command("import", *options, "--", arch, file)


@weights.command("fetch")
def fetch_weights(
    archs: Annotated[list[str], typer.Argument(metavar="ARCH...", help="Models of torchvision.")],
) -> None:
    """Download torchvision's ImageNet weights to this machine; the service need not run."""
    _run_worker_command("fetch", "--", *archs)


def _run_worker_command(*arguments: str) -> None:
    # The worker's code reads tensors; it runs in a process of its own, as this package loads no torch.
    ended = subprocess.run([sys.executable, "-m", "worker.weights_command", *arguments], check=False)
    raise typer.Exit(ended.returncode)
