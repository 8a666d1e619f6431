"""``trailcam detect``."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.detect_shares import SharesOpts, look_by_ray, merge, say_by_ray, take_share, write_plan
from trailcam.cli.groups import Sets, with_options
from trailcam.cli.model_options import ModelOpts, TrustOpt, vouch
from trailcam.cli.options import DryRunOpt, SelectionOpts, WritingOpts
from trailcam.detect.model.find_weights import find_weights
from trailcam.domain import Status
from trailcam.errors import ExitCode, UsageError
from trailcam.selection import Selection
from trailcam.words.span import in_words
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trailcam.cli.detect_shares import Shares
    from trailcam.cli.open_library import App, Library
    from trailcam.detect.command import DetectReport, Started, Work
    from trailcam.detect.pipeline.outcomes import Snapshot
    from trailcam.detect.pipeline.run_report import PipelineReport


class Which(StrEnum):
    """Which photos a detect takes, by where they stand."""

    PENDING = "pending"
    FAILED = "failed"
    ALL = "all"


_STATUSES = {Which.PENDING: (Status.PENDING,), Which.FAILED: (Status.FAILED,), Which.ALL: ()}
_FINISHING = "Finishing the batch in hand; press again to stop at once."


@with_options
def detect(
    *,
    selection: SelectionOpts,
    status: Annotated[
        Which,
        typer.Option(
            "--status",
            help="pending: not looked at yet; failed: try again; all: all that these weights have not seen.",
        ),
    ] = Which.PENDING,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most so many photos.")] = None,
    model: ModelOpts,
    trust_weights: TrustOpt = False,
    store_confidence: Annotated[
        float | None,
        typer.Option(
            "--store-confidence",
            help="Boxes below this are not saved; reports count from a higher one.",
            show_default="0.05",
        ),
        Sets("detect.store_confidence"),
    ] = None,
    video_every: Annotated[
        str | None,
        typer.Option(
            "--video-every", help="Of videos, look at one frame in so long: 1s, 0.5s.", show_default="1s"
        ),
        Sets("detect.video_every"),
    ] = None,
    accept_failures: Annotated[
        bool,
        typer.Option("--accept-failures", help="Record failures even if most photos of the run fail."),
    ] = False,
    dry_run: DryRunOpt = False,
    shares: SharesOpts,
    library: WritingOpts,
) -> None:
    """Find the animals in photos; no photo is looked at twice. Every box is saved."""
    from trailcam.cli.signals import stoppable
    from trailcam.detect.command import detect as run_detect
    from trailcam.detect.command import prepare
    from trailcam.detect.pipeline.outcomes import Control

    settings = library.settings
    if trust_weights and not dry_run:
        vouch(find_weights(configured=model.weights, classifier=model.classifier))
    # Whoever asks for failed photos again knows that they fail.
    accept_failures = accept_failures or status is Which.FAILED
    if shares and (shares.merge or shares.shards):
        if selection != Selection() or status is not Which.PENDING or limit is not None:
            raise UsageError(
                "The work list says which photos.", "Give no --months, --status or --limit here."
            )
        _in_shares(shares, library, accept_failures=accept_failures, dry_run=dry_run)
        return
    selection = replace(selection, statuses=_STATUSES[status])
    if shares and shares.plan:
        write_plan(shares.plan, library, selection, limit, dry_run=dry_run)
        return
    if dry_run:
        _say_work(prepare(library.database, settings, selection, limit), library)
        return
    if shares:
        with library.locked():
            by_ray = look_by_ray(shares, library, selection, limit, accept_failures=accept_failures)
            if by_ray.run_id is not None and not by_ray.interrupted:
                _search_static(by_ray.run_id, library)
        say_by_ray(by_ray, library)
        return
    with library.locked() as database:
        work = prepare(database, settings, selection, limit)
        if not _say_work(work, library):
            return
        with (
            stoppable(_FINISHING) as stop,
            _shown(library) as shown,
        ):
            report = run_detect(
                database,
                settings,
                work,
                Control(stop, shown),
                started=shown.started,
                accept_failures=accept_failures,
            )
        if report.pipeline.completed and not report.pipeline.interrupted:
            _search_static(report.run_id, library)
    _show(report.pipeline, report.database_s, report.elsewhere, library)
    if not library.quiet:
        _say_kept(report, library)
    if not report.pipeline.interrupted:
        asked = selection.as_options()
        library.say_next(
            f"report bucks {asked}".strip(), f"gallery {asked} -o gallery.html".replace("  ", " ")
        )
    _exit(report.pipeline)


def _exit(pipeline: PipelineReport) -> None:
    """Leave with the exit code of a run."""
    if pipeline.interrupted:
        console.say("Stopped; everything seen so far is saved. Run the same command again to carry on.")
        raise typer.Exit(ExitCode.INTERRUPTED)
    if pipeline.failed or pipeline.missing:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _in_shares(shares: Shares, library: Library, *, accept_failures: bool, dry_run: bool) -> None:
    """Look at one share of a work list, or merge parts."""
    from trailcam.cli.signals import stoppable
    from trailcam.detect.pipeline.outcomes import Control
    from trailcam.detect.shards import look_at_share

    if shares.merge:
        merge(shares.parts, library, accept_failures=accept_failures, dry_run=dry_run)
        return
    work = take_share(shares, library)
    if dry_run:
        return
    with stoppable(_FINISHING) as stop, _shown(library) as shown:
        report = look_at_share(
            work, Control(stop, shown), started=shown.started, accept_failures=accept_failures
        )
    if report.before:
        library.say(f"{count(report.before, 'photo')} of the share had been looked at before.")
    if report.pipeline:
        _show(report.pipeline, report.write_s, report.elsewhere, library)
        _exit(report.pipeline)


def _search_static(run_id: int, library: Library) -> None:
    """See whether the new photos show what never moves, and say so."""
    from trailcam.static_boxes.find_static import find_after_run

    settings = library.settings
    found = find_after_run(library.database, run_id, settings.report.confidence, auto=settings.static.auto)
    for sentence in found.in_words():
        library.say(sentence)


def _say_work(work: Work, app: App) -> bool:
    """Say what there is to do; False when that is nothing."""
    from trailcam.detect.model.about import read_about

    if app.quiet:
        return len(work) > 0
    if work.todo.n_undated_left_out:
        console.say(
            f"{count(work.todo.n_undated_left_out, 'photo')} without a capture time left out "
            "(--include-undated takes them)."
        )
    weights = work.weights
    if not len(work):
        console.say(
            f"0 photos to look at with {printable(weights.name)}: nothing to do."
            f" Photos that were looked at before: {app.advice('detect --status all')}"
        )
        return False
    console.say(f"{count(len(work), 'photo')} to look at with {printable(weights.name)}.")
    if weights.pair is None and (about := read_about(weights.path)):
        console.say(f"The model: {about}")
    return True


class _Shown:
    """How far a detect is: a live display on a terminal, else a line every 30 s."""

    def __init__(self, app: App, bar: console.BarProgress | console.LineProgress) -> None:
        self._bar = bar
        self._quiet = app.quiet
        self._verbose = app.verbose
        self._started: Started | None = None
        self._next = time.monotonic() + console.LINE_EVERY_S

    def started(self, started: Started) -> None:
        """Say what was chosen."""
        self._started = started
        if not self._quiet:
            how = f"{started.precision} by {started.backend} at {started.size}"
            run = "Looking" if started.run_id is None else f"Run {started.run_id}"
            console.say(f"{run} on {started.device}, {how}; {started.choice}.")
            for note in started.notes:
                console.say(note)

    def update(self, snapshot: Snapshot) -> None:
        """Show a snapshot of the run."""
        if isinstance(self._bar, console.BarProgress):
            self._bar(snapshot.done, snapshot.total or snapshot.done, self._facts(snapshot))
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + console.LINE_EVERY_S
            left = (snapshot.total or 0) - snapshot.done
            told = [f"{snapshot.done:,} of {snapshot.total or 0:,} photos"]
            if snapshot.done:
                told.append(f"{in_words(left * snapshot.elapsed_s / snapshot.done)} left")
            console.say(", ".join([*told, *self._facts(snapshot)]))

    def _facts(self, snapshot: Snapshot) -> list[str]:
        """Speed, then the classes whose boxes count, the most frequent first, then the GPU."""
        rate = snapshot.done / snapshot.elapsed_s if snapshot.elapsed_s > 0 else 0.0
        facts = [f"{rate:.1f} photos/s"]
        if snapshot.failed:
            facts.append(f"{snapshot.failed:,} failed")
        seen = sorted(snapshot.counting.items(), key=lambda item: -item[1])[:5]
        facts += [f"{printable(name)} {n:,}" for name, n in seen]
        use = self._started.gpu.read() if self._started else None
        if use:
            facts.append(f"GPU {use.busy:.0%}, {use.memory_used / 2**30:.1f} GiB")
        return facts


@contextmanager
def _shown(app: App) -> Iterator[_Shown]:
    with console.progress("Looking", quiet=app.quiet) as bar:
        yield _Shown(app, bar)


def _show(pipeline: PipelineReport, write_s: float, elsewhere: Mapping[str, str], library: Library) -> None:
    if library.quiet:
        return
    console.say(
        f"Looked at {count(pipeline.done, 'photo')} in {in_words(pipeline.wall_s)} "
        f"({pipeline.photos_per_s:.1f} photos/s, {pipeline.warmup_s:.1f} s of it warming up): "
        f"{pipeline.completed:,} completed, {pipeline.failed:,} failed, {pipeline.missing:,} missing."
    )
    if pipeline.failures:
        codes = ", ".join(f"{n:,} {code}" for code, n in sorted(pipeline.failures.items()))
        console.say(f"Failed: {codes}; {library.advice('status')} names an example of each.")
    if +pipeline.counting:
        seen = ", ".join(f"{printable(name)} {n:,}" for name, n in (+pipeline.counting).most_common())
        console.say(f"Boxes sure enough to count: {seen}.")
    elif pipeline.completed:
        console.say("No box is sure enough to count.")
    for was, now in elsewhere.items():
        if n := pipeline.detections[was]:
            boxes, verb = count(n, "box"), "is" if n == 1 else "are"
            console.say(
                f"Not on the species list: {boxes} called {printable(was)} {verb} now {printable(now)}."
            )
    if library.verbose:
        _show_times(pipeline, write_s, library)


def _show_times(pipeline: PipelineReport, write_s: float, library: Library) -> None:
    seen = ", ".join(f"{printable(name)} {n:,}" for name, n in pipeline.detections.most_common())
    console.say(
        f"Boxes kept (confidence {library.settings.detect.store_confidence:g} or more): {seen or 'none'}."
    )
    shares = ", ".join(f"{name} {seconds / pipeline.wall_s:.0%}" for name, seconds in pipeline.stages.items())
    console.say(f"Time: {shares}, writing {write_s / pipeline.wall_s:.1%} of the wall time.")
    console.say(pipeline.bottleneck)


def _say_kept(report: DetectReport, library: Library) -> None:
    """Where a run that was chosen by hand goes on counting, this one's boxes show nowhere: say so."""
    from trailcam.reports.run_list import kept_sentence
    from trailcam.store.run_choice import chosen_run, count_kept

    with library.database.read() as db:
        chosen = chosen_run(db)
        kept = count_kept(db, report.run_id)
    if chosen and kept:
        console.say(kept_sentence(kept, chosen))
