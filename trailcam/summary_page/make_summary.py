"""``trailcam report summary``: the bucks of a selection on one page to print, with the six best photos."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from trailcam import __version__
from trailcam.domain import AgeClass
from trailcam.files.home import at_home
from trailcam.files.write import write_file
from trailcam.gallery.cards import Content, Detection, Photo
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.pages.html import Shown, render
from trailcam.pages.pictures import Cache, Request
from trailcam.pages.shown import PageReport, Progress, check_target, show_photos
from trailcam.reports.base import Report, Row, coverage_sentence
from trailcam.reports.buck_events import Events, at_of, see
from trailcam.reports.bucks import buck_visits, count_report
from trailcam.reports.common import Question
from trailcam.store.database import Connection, Database
from trailcam.store.images import roots
from trailcam.sun.legal_light import DARK, UNKNOWN
from trailcam.words.text import count, printable

_PHOTOS, _SEASONS, _STATIONS = 6, 5, 10  # what fits on the page
_AGES = (AgeClass.YOUNG, AgeClass.MID, AgeClass.MATURE)


@dataclass(frozen=True, slots=True)
class _Best:
    """A photo of one visit and what it shows most surely."""

    photo: Photo
    label: str
    confidence: float
    station: str


def build_summary(
    database: Database,
    question: Question,
    target: Path,
    *,
    cache: Cache | None,
    progress: Progress,
) -> PageReport:
    """Write the page to ``target``, whole or not at all.

    Raises RootError when the photos' folder isn't there, OutputError when the page can't be written,
    UsageError and DatabaseError.
    """
    target = at_home(target)
    with database.read() as db:
        fields = _figures(db, question)
        best, candidates = _best_photos(db, question)
        paths = [Path(root.path) for root in roots(db)]
    check_target(target, [one.photo.file for one in best], paths)
    requests = [
        Request(photo.file, None, photo.people, photo.show, photo.at_s or 0.0)
        for photo in (one.photo for one in best)
    ]
    shown, problems = show_photos(requests, [one.photo.name for one in best], cache, progress)
    page = render(
        "summary_page",
        images="data:",
        **fields,
        photos=[_photo(one, s) for one, s in zip(best, shown, strict=True)],
        version=__version__,
    )
    write_file(target, page)
    return PageReport(target, len(best), candidates, len(page), problems)


def _figures(db: Connection, question: Question) -> dict[str, Any]:
    selection, by = question.selection, ("season", "age")
    with buck_visits(db, question) as made:
        by_season = count_report(made, made.count(by), by)
        events = see(made.visits, question).events
        days = made.worked.by(selection, ["station"], question.first_month)
        hidden = made.visits.counted.hidden_counts(question.gap).in_words()
    mature = events.of_age(AgeClass.MATURE)
    stations = _stations(events, mature, {key[0]: n for key, n in days.items()})
    return {
        "selection": selection.in_words() or "all photos",
        "answer": _answer(mature, events, by_season.coverage),
        "coverage": " ".join([coverage_sentence(by_season.coverage), *hidden]),
        "part": by_season.coverage["completed"] < by_season.coverage["photos"],
        "ages": [str(age) for age in _AGES],
        "seasons": _seasons(by_season)[-_SEASONS:],
        "hours": _hours(mature if len(mature) else events),
        "hours_of": "mature bucks" if len(mature) else "bucks",
        "stations": stations[:_STATIONS],
        "more_stations": max(0, len(stations) - _STATIONS),
        "made": f"{datetime.now().astimezone():%d %B %Y}",
    }


def _answer(mature: Events, events: Events, coverage: Any) -> list[str]:  # noqa: ANN401 - a mapping of counts
    """Two or three sentences: how many, when most, when last."""
    looked = count(coverage["completed"], "photo")
    if not len(mature):
        if not len(events):
            return [f"No buck in {looked}."]
        return [f"{count(len(events), 'visit')} of bucks, none of them of a mature buck, in {looked}."]
    dark, unknown = mature.n_light(DARK), mature.n_light(UNKNOWN)
    night = f", {dark:,} of them at night" if not unknown else ""
    last = mature.began_us.argmax()
    station = mature.names["station"][int(mature.station[last])]
    return [
        f"{count(len(mature), 'visit')} of mature bucks{night}.",
        f"The last was on {_moment(int(mature.began_us[last]))}, at {printable(station)}.",
    ]


def _seasons(report: Report) -> list[Row]:
    """A row for each season-year: visits by age class, and those of mature bucks per 100 camera-days."""
    seasons: dict[str, Row] = {}
    for row in report.rows:
        season = seasons.setdefault(row["season"] or "undated", {"season": row["season"] or "undated"})
        season[row["age"]] = row["events"] or 0
        season |= {"coverage": row["coverage"], "camera_days": row["camera_days"]}
        if row["age"] == AgeClass.MATURE:
            season["rate"] = row["events_per_100"]
    return list(seasons.values())


def _hours(events: Events) -> list[tuple[int, float]]:
    """For each hour of the day how many visits began in it, and that as a share of the most."""
    counts = [int((events.hour == hour).sum()) for hour in range(24)]
    most = max(counts) or 1
    return [(n, n / most) for n in counts]


def _stations(events: Events, mature: Events, days: dict[str, int]) -> list[Row]:
    """A row for each station, those with most mature bucks first."""
    rows = []
    for name in sorted({*days, *events.names["station"]}, key=str.casefold):
        own, old = (some.where(some.station == _place(some, name)) for some in (events, mature))
        rows.append(
            {
                "station": name,
                "days": days.get(name, 0),
                "bucks": len(own),
                "mature": len(old),
                "last": _day(int(old.began_us.max())) if len(old) else "",
            }
        )
    return sorted(rows, key=lambda row: (-row["mature"], -row["bucks"]))


def _place(events: Events, name: str) -> int:
    names = events.names["station"]
    return names.index(name) if name in names else -1


def _best_photos(db: Connection, question: Question) -> tuple[list[_Best], int]:
    """At most six photos of different visits, and out of how many: of bucks, else deer, else anything."""
    for classes in (("buck",), ("deer",), ()):
        options = GalleryOptions(
            question.confidence,
            lowest=1.0,
            gap=question.gap,
            classes=classes,
            per_visit=question.per_visit,
        )
        content = read_content(db, question.selection, options)
        if content.photos:
            break
    found = sorted((_surest(content, photo) for photo in content.photos), key=_rank)
    kept: list[_Best] = []
    for one in found:
        if len(kept) < _PHOTOS and not any(_same_visit(one, other, question.gap) for other in kept):
            kept.append(one)
    return kept, len(found)


def _surest(content: Content, photo: Photo) -> _Best:
    def worth(found: Detection) -> tuple[bool, bool, float]:
        wanted = not content.start or found.class_index in content.start
        return wanted and found.counts, _is_mature(content, found), found.confidence

    best = max(photo.found, key=worth)
    return _Best(
        photo,
        content.classes[best.class_index].label,
        best.confidence,
        content.stations[photo.station_index],
    )


def _is_mature(content: Content, found: Detection) -> bool:
    return content.classes[found.class_index].age == AgeClass.MATURE


def _rank(one: _Best) -> tuple[bool, float]:
    return not one.label.startswith(AgeClass.MATURE), -one.confidence


def _same_visit(one: _Best, other: _Best, gap: timedelta) -> bool:
    at, then = one.photo.captured_us, other.photo.captured_us
    if one.station != other.station:
        return False
    return at is None or then is None or abs(at - then) <= gap // timedelta(microseconds=1)


def _photo(one: _Best, shown: Shown) -> dict[str, Any]:
    at = one.photo.captured_us
    return {
        "picture": shown.thumb,
        "problem": shown.problem,
        "label": one.label[:1].upper() + one.label[1:],
        "sure": f"{round(one.confidence * 100)} %",
        "where": f"{one.station} · {_moment(at) if at is not None else 'time unknown'}",
    }


def _moment(us: int) -> str:
    return f"{_day(us)} at {at_of(us):%H:%M}"


def _day(us: int) -> str:
    at: datetime = at_of(us)
    return f"{at.day} {at:%b %Y}"
