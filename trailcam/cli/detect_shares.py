"""``trailcam detect`` in shares: write a work list, look at one share of it, merge the parts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli.groups import Group
from trailcam.domain import Status
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.cli.open_library import App, Library
    from trailcam.detect.by_ray import RayReport
    from trailcam.detect.merge import Merged
    from trailcam.detect.shards import ShareWork
    from trailcam.selection import Selection

_HOW = "See docs/scale.md."
MOST_SHARDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Shares:
    """What was asked: write ``plan``; with ``shards``, look at share ``shard`` of it; merge ``parts``; or
    hand out all shares on the cluster ``ray``.
    """

    plan: Path | None = None
    shards: int | None = None
    shard: int | None = None
    output: Path | None = None
    merge: bool = False
    parts: tuple[Path, ...] = ()
    ray: str | None = None
    actors: int | None = None
    gpus_per_actor: float | None = None


@dataclass(frozen=True, slots=True)
class SharesGroup(Group):
    """A detect on several machines or GPUs."""

    parts: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PART", help="With --merge: the parts.", show_default=False),
    ] = None
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan",
            metavar="FILE",
            help="Write the list of photos to look at, for several machines; with --shards: read it.",
            show_default=False,
        ),
    ] = None
    shards: Annotated[
        int | None,
        typer.Option(
            "--shards",
            min=1,
            max=MOST_SHARDS,
            help="Divide the list into so many shares.",
            show_default=False,
        ),
    ] = None
    shard: Annotated[
        int | None,
        typer.Option(
            "--shard", min=0, help="Look at this share of the list; the first is 0.", show_default=False
        ),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="With --shard: the part to write.", show_default=False
        ),
    ] = None
    merge: Annotated[
        bool, typer.Option("--merge", help="Bring the parts of all shares into the database.")
    ] = False
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="auto|ADDRESS",
            help="Look at photos on a Ray cluster; auto: the one of this machine.",
            show_default=False,
        ),
    ] = None
    actors: Annotated[
        int | None,
        typer.Option(
            "--actors",
            min=1,
            help="With --ray: how many look at once.",
            show_default="one for each GPU, or each machine without any",
        ),
    ] = None
    gpus_per_actor: Annotated[
        float | None,
        typer.Option(
            "--gpus-per-actor", min=0.01, help="With --ray: the part of a GPU for each.", show_default="1"
        ),
    ] = None

    def make(self, app: App) -> Shares | None:
        """What was asked, None for a detect by one process. Raises UsageError for what can't go together."""
        parts = tuple(self.parts or ())
        given = Shares(
            *(self.plan, self.shards, self.shard, self.output, self.merge, parts),
            *(self.ray, self.actors, self.gpus_per_actor),
        )
        if given == Shares():
            return None
        _check(given)
        return given


SharesOpts = Annotated["Shares | None", SharesGroup]


def _check(given: Shares) -> None:
    dividing = given.shards is not None or given.shard is not None or given.output is not None
    if given.ray is not None:
        if given.plan or dividing or given.merge or given.parts:
            raise UsageError("--ray makes the list and merges the parts itself.", _HOW)
        return
    if given.actors is not None or given.gpus_per_actor is not None:
        raise UsageError("--actors and --gpus-per-actor need --ray.", _HOW)
    if given.parts and not given.merge:
        raise UsageError(
            f"detect takes no file: {printable(str(given.parts[0]))}.",
            "Choose photos with --months, --station and the like. To bring in parts: --merge PART...",
        )
    if given.merge:
        if given.plan or dividing:
            raise UsageError("--merge takes the parts, and no --plan, --shards, --shard or -o.", _HOW)
        if not given.parts:
            raise UsageError(
                "--merge needs the parts.", "For example: trailcam detect --merge part-*.parquet"
            )
        return
    if not given.plan:
        raise UsageError("--shards, --shard and -o need a work list.", f"Add --plan FILE. {_HOW}")
    if dividing and (given.shards is None or given.shard is None or given.output is None):
        raise UsageError(
            "A share needs --shards, --shard and -o.",
            f"For example: trailcam detect --plan {printable(str(given.plan))} --shards 4 --shard 0"
            " -o part-0.parquet",
        )
    if given.shards is not None and given.shard is not None and given.shard >= given.shards:
        raise UsageError(
            f"There is no shard {given.shard}: of {given.shards} shards the last is {given.shards - 1}.",
            "The first is 0.",
        )


def write_plan(
    plan: Path, library: Library, selection: Selection, limit: int | None, *, dry_run: bool
) -> None:
    """``detect --plan FILE``: write the list, and do nothing else."""
    from trailcam.detect.shards import make_list
    from trailcam.files.target import check_file

    target = check_file(plan, library.database.path, ".parquet")
    head = make_list(library.database, library.settings, selection, limit, None if dry_run else target)
    what = f"{count(head.n_photos, 'photo')} to look at (weights {printable(head.weights_name)})"
    if dry_run:
        library.say(f"{what}; no list was written.")
        return
    shown = printable(str(plan))
    library.say(f"{what}: list written to {shown}.")
    library.say(
        f"Next, on each machine or GPU: trailcam detect --plan {shown} --shards 4 --shard 0 -o part-0.parquet"
    )


def take_share(shares: Shares, app: App) -> ShareWork:
    """The share that ``--plan``, ``--shards`` and ``--shard`` name; says how large it is."""
    from trailcam.detect.shards import Shard, prepare_share
    from trailcam.files.target import check_file

    assert shares.plan is not None and shares.output is not None  # noqa: PT018 - checked in make
    assert shares.shards is not None and shares.shard is not None  # noqa: PT018
    target = check_file(shares.output, shares.plan, ".parquet")
    work = prepare_share(shares.plan, Shard(shares.shard, shares.shards), app.settings, target)
    app.say(f"Shard {shares.shard} of {shares.shards}: {count(len(work), 'photo')} to look at.")
    return work


def merge(parts: Sequence[Path], library: Library, *, accept_failures: bool, dry_run: bool) -> None:
    """``detect --merge PART...``"""
    from trailcam.detect.merge import merge as run_merge

    with library.locked() as database:
        merged = run_merge(database, parts, accept_failures=accept_failures, dry_run=dry_run)
    _say_merged(merged, library, dry_run=dry_run)
    failed = merged.outcomes[Status.FAILED.value] + merged.outcomes[Status.MISSING.value]
    if failed or merged.torn:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _say_merged(merged: Merged, app: App, *, dry_run: bool) -> None:
    log = logging.getLogger(__name__)
    n = merged.outcomes.total()
    told = ", ".join(f"{merged.outcomes[s.value]:,} {s.value}" for s in Status if s is not Status.PENDING)
    where = f" into run {merged.run_id}" if merged.run_id and not dry_run else ""
    verb = "Would merge" if dry_run else "Merged"
    app.say(f"{verb} {count(n, 'photo')}{where}{f': {told}' if n else ''}.")
    if merged.known:
        app.say(f"{count(merged.known, 'photo')} had been merged before.")
    if merged.changed:
        app.say(f"{count(merged.changed, 'photo')} not merged: changed or gone since the list was written.")
    for message in merged.torn:
        log.warning("%s", message)
    if merged.missing:
        some = ", ".join(map(str, merged.missing[:20])) + (", ..." if len(merged.missing) > 20 else "")
        app.say(
            f"Still to come: {count(len(merged.missing), 'shard')} of {merged.of} ({some}). "
            "Merge them when they are done; what is merged stays."
        )


def look_by_ray(
    shares: Shares, library: Library, selection: Selection, limit: int | None, *, accept_failures: bool
) -> RayReport:
    """``detect --ray``. The caller holds the lock."""
    from trailcam.cli.signals import stoppable
    from trailcam.detect.by_ray import detect_by_ray
    from trailcam.detect.ray_crew import RayOptions

    options = RayOptions(
        shares.ray or "auto",
        shares.actors,
        shares.gpus_per_actor or 1.0,
        limit=limit,
        accept_failures=accept_failures,
    )
    with stoppable("Merging what has come; press again to stop at once.") as stop:
        return detect_by_ray(library.database, library.settings, selection, options, stop, library.say)


def say_by_ray(report: RayReport, app: App) -> None:
    """What became of it, and the exit code."""
    log = logging.getLogger(__name__)
    for node, why in report.left_out.items():
        log.warning("%s was left out: %s", printable(node), why)
    for what in report.given_up:
        log.warning("Not looked at: %s", what)
    told = ", ".join(f"{report.outcomes[s.value]:,} {s.value}" for s in Status if s is not Status.PENDING)
    app.say(f"Looked at {report.outcomes.total():,} of {count(report.n_photos, 'photo')}: {told}.")
    if report.interrupted:
        app.say("Stopped; what was merged is saved. Run the same command again to carry on.")
        raise typer.Exit(ExitCode.INTERRUPTED)
    failed = report.outcomes[Status.FAILED.value] + report.outcomes[Status.MISSING.value]
    if failed or report.given_up:
        raise typer.Exit(ExitCode.SOME_FAILED)
