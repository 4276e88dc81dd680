"""Backup and restore: on the machine of the store, by the database and the files themselves."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from backend.command_name import command_name
from backend.settings import read_settings

backups = typer.Typer()

MOST_SENTENCES = 10


@backups.command()
def backup(
    target: Annotated[
        Path | None, typer.Argument(help="Folder to make; runyard-backup-TIME here, where not given.")
    ] = None,
    data: Annotated[
        bool, typer.Option("--data/--no-data", help="Whether the images of imported data sets are in it.")
    ] = True,
) -> None:
    """Back up the database and what belongs to it, while everything runs; on the machine that holds them.

    In it: the database, the checkpoints that it points to, images of imported data sets, weights that were brought as
    files. Not in it: the operator's token, features and ImageNet weights, generated data sets, logs. A plain copy of the files
    of a database in use is no backup: it may be damaged, or lack what was committed last.
    """
    from backend.backup.making import default_target, make_backup

    place = target or default_target()
    made = make_backup(read_settings(), place, with_data=data)
    for sentence in made.left_out[:MOST_SENTENCES]:
        print(sentence, file=sys.stderr)
    if len(made.left_out) > MOST_SENTENCES:
        more = len(made.left_out) - MOST_SENTENCES
        print(f"{more} more of these are in {place / 'manifest.json'}.", file=sys.stderr)
    print(
        f"{place} holds {made.told_runs()} as of {made.told_time()}, with {made.told_files()}: {made.bytes:,} bytes."
    )


@backups.command()
def restore(
    source: Annotated[Path, typer.Argument(help="Folder that `runyard backup` made.")],
    force: Annotated[
        bool,
        typer.Option("--force", help="Set aside, by renaming, the database and runs that are here already."),
    ] = False,
) -> None:
    """Bring a backup to this home while Runyard is stopped; runs that were in training go on from their checkpoints.

    Further tokens are not restored: one that was revoked since the backup would open the gate again. Their names are
    told; `token create` makes new ones. The operator's token, which is no part of a backup, stays as it is.
    """
    from backend.backup.restoring import restore as bring_back

    done = bring_back(read_settings(), source, force=force)
    made = done.manifest
    for sentence in made.left_out[:MOST_SENTENCES]:
        print(sentence, file=sys.stderr)
    for where in done.set_aside:
        print(f"What was here before is in {where}.", file=sys.stderr)
    if done.tokens:
        print(
            f"Not valid any more: the token{'s' if len(done.tokens) > 1 else ''} {', '.join(done.tokens)}; "
            f"`{command_name()} token create` makes new ones.",
            file=sys.stderr,
        )
    again = (
        f"; {done.requeued} that trained then {'is' if done.requeued == 1 else 'are'} queued again"
        if done.requeued
        else ""
    )
    print(f"Restored {made.told_runs()} as of {made.told_time()}{again}. `{command_name()} up` starts it.")
