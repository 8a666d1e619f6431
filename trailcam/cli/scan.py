"""``trailcam scan``."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Sets, with_options
from trailcam.cli.options import WritingOpts
from trailcam.cli.tables import line, show_table
from trailcam.cli.times_read_strip import read_strips
from trailcam.errors import ExitCode, UsageError
from trailcam.reports.base import CellType, Column
from trailcam.words.text import count, printable
from trailcam.words.unread import unread_words, why_unread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trailcam.cli.open_library import Library
    from trailcam.scan.scan_job import ScanOptions
    from trailcam.scan.scan_root import ScanReport

_FIGURES = tuple(
    Column(name, name, CellType.COUNT) for name in ("new", "changed", "unchanged", "missing", "unreadable")
)
_STATIONS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("first_date", "first", CellType.TEXT, right=True),
    Column("last_date", "last", CellType.TEXT, right=True),
    Column("undated", "undated", CellType.COUNT),
)
_SHOWN = 10  # names of folders that were left out; -v names them all


@with_options
def scan(
    roots: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="ROOT",
            help="Folders of photos; all known ones if none is given.",
            show_default=False,
        ),
    ] = None,
    *,
    root_name: Annotated[
        str | None,
        typer.Option(
            "--root-name", help="A name for the folder; the same name at another path moves it there."
        ),
    ] = None,
    station_from: Annotated[
        str | None,
        typer.Option("--station-from", help="folder, or a regular expression over the path with one group."),
        Sets("scan.station_from"),
    ] = None,
    accept_missing: Annotated[
        bool, typer.Option("--accept-missing", help="The photos really are gone: mark them as missing.")
    ] = False,
    read_strip: Annotated[
        bool,
        typer.Option("--read-strip", help="Then read the strips of photos that have no EXIF time."),
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            min=1,
            help="Threads that read files; more of them help on a slow share.",
            show_default="auto",
        ),
        Sets("scan.workers"),
    ] = None,
    library: WritingOpts,
) -> None:
    """Read folders of photos: what is new, changed, moved or gone."""
    from trailcam.cli.signals import stoppable
    from trailcam.cli.times_check import check_new_times
    from trailcam.scan.scan_job import ScanOptions
    from trailcam.scan.scan_root import known_roots

    settings = library.settings.scan
    options = ScanOptions(
        root_name=root_name,
        station_from=settings.station_from,
        accept_missing=accept_missing,
        workers=None if settings.workers == "auto" else settings.workers,
        missing_limit=settings.missing_limit,
    )
    given = [str(root) for root in roots or []] or [root.path for root in known_roots(library.database)]
    if not given:
        raise UsageError("No folder to scan.", "Name it: `trailcam scan /mnt/trailcam`.")
    if root_name and len(given) > 1:
        raise UsageError("--root-name names one root, but several were given.", "Scan them one by one.")
    _refuse_bad_roots(given)
    if read_strip:
        from trailcam.strip.ocr import check_available

        check_available()
    failed = False
    scanned: set[int] = set()
    with (
        library.locked(probe=False),
        stoppable("Stopping after the current files; press again to stop at once.") as stop,
    ):
        for root in given:
            report = _scan_one(library, root, options, stop)
            failed |= bool(report.errors)
            scanned.add(report.root.root_id)
        if read_strip:
            failed |= _read_strips(library, frozenset(scanned), stop)
        check_new_times(library)
    _say_next(library)
    if failed:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _say_next(library: Library) -> None:
    from trailcam.store.photo_counts import count_pending

    with library.read() as db:
        pending = count_pending(db)
    if pending:
        library.say(f"{count(pending, 'photo')} to look at.")
        library.say_next("detect")
    else:
        library.say_next("report bucks", "status")


def _read_strips(library: Library, roots: frozenset[int], stop: Callable[[], bool]) -> bool:
    from trailcam.machine import usable_cores
    from trailcam.selection import Selection
    from trailcam.strip.read_library import StripOptions

    options = StripOptions(roots=roots, threads=usable_cores())
    return bool(read_strips(library, Selection(), options, stop).unreadable)


def _refuse_bad_roots(given: list[str]) -> None:
    """Ask for every mount before the first is scanned, and before the lock makes a folder."""
    from trailcam.files.mount_guard import check_root

    for root in given:
        check_root(root)


def _scan_one(library: Library, root: str, options: ScanOptions, stop: Callable[[], bool]) -> ScanReport:
    from trailcam.scan.scan_root import scan as run_scan

    facts = {name: dataclasses.asdict(entry) for name, entry in library.settings.stations.items()}
    with console.progress("Reading", quiet=library.quiet) as progress:
        report = run_scan(library.database, root, options, station_facts=facts, progress=progress, stop=stop)
    _show(report, library)
    return report


def _show(report: ScanReport, library: Library) -> None:
    if not library.quiet:
        _name_some(report.errors, "could not be read", library)
        _name_some([(path, code.replace("_", " ")) for path, code in report.skipped], "skipped", library)
        if unread := unread_words(report.n_videos, report.pictures):
            console.say(f"{unread} not looked at: {why_unread(report.n_videos, report.pictures)}")
        if report.left_out:
            _name_left_out(report.left_out, library)
        if report.n_known_again:
            photos = count(report.n_known_again, "photo")
            console.say(
                f"Read the content ids of {photos} scanned before, this once: from now on they may move."
            )
    line(f"{printable(report.root.name)} ({printable(report.root.path)})", console.out)
    figures = (report.n_new, report.n_changed, report.n_unchanged, report.n_missing, report.n_unreadable)
    named = dict(zip((column.name for column in _FIGURES), figures, strict=True))
    show_table(_FIGURES, [named], (), console.out)
    if report.n_returned:
        console.out.print(f"{count(report.n_returned, 'photo')} came back.")
    if report.n_moved:
        moved = count(report.n_moved, "photo")
        console.out.print(f"{moved} moved or renamed, with all that is known about them.")
    if report.n_copies:
        copies = count(report.n_copies, "exact copy", "exact copies")
        console.out.print(f"{copies} of other photos, counted once: `trailcam duplicates` lists them.")
    if report.n_thumbnails:
        thumbnails = count(report.n_thumbnails, "thumbnail")
        console.out.print(
            f"{thumbnails} of photos that are here in full, counted once: `trailcam duplicates`."
        )
    console.out.print()
    show_table(_STATIONS, report.stations, (), console.out)


def _name_left_out(folders: Sequence[str], library: Library) -> None:
    """Once, by what they are called: a NAS puts one beside every folder of photos."""
    names = Counter(folder.rpartition("/")[2] for folder in folders)
    shown = [f"{name} ({n:,})" if n > 1 else name for name, n in names.most_common()]
    if not library.verbose and len(shown) > _SHOWN:
        shown = [*shown[:_SHOWN], "..."]
    console.say(
        f"Left out {count(len(folders), 'folder')} of other programs' thumbnails or deleted photos:"
        f" {', '.join(map(printable, shown))}."
    )


def _name_some(items: list[tuple[str, str]], what: str, library: Library) -> None:
    if items:
        console.say(f"{count(len(items), 'file')} {what}:")
        library.name_some([f"  {printable(path)}: {printable(reason)}" for path, reason in items])
