"""``trailcam review``: the photos worth a look and their pictures into one file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from trailcam import __version__
from trailcam.files.home import at_home
from trailcam.files.write import write_file
from trailcam.pages.html import Shown, render
from trailcam.pages.pictures import Cache, Request
from trailcam.pages.shown import PageReport, check_target, large_px, link_to, show_photos
from trailcam.review.answers import FORMAT, VERSION
from trailcam.review.choose import PhotoToJudge, ToJudge, choose
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule
from trailcam.store.database import Database, utc_now
from trailcam.store.images import roots
from trailcam.words.text import count


@dataclass(frozen=True, slots=True)
class ReviewOptions:
    """How a page is made. ``rules`` are the configuration's classes; ``cache`` None keeps no pictures."""

    gap: timedelta
    limit: int
    random: bool
    rules: Mapping[str, ClassRule]
    cache: Cache | None = None


def build_review(
    database: Database,
    selection: Selection,
    target: Path,
    options: ReviewOptions,
    progress: Callable[[int, int], object],
) -> PageReport:
    """Write the page to ``target``, whole or not at all.

    Raises RootError when the photos' folder isn't there, OutputError when the page can't be written,
    UnanswerableError without a photo to ask about, UsageError and DatabaseError.
    """
    target = at_home(target)
    with database.read() as db:
        questions = choose(
            db,
            selection,
            rules=options.rules,
            gap=options.gap,
            limit=options.limit,
            random=options.random,
        )
        paths = [Path(root.path) for root in roots(db)]
    check_target(target, [photo.file for photo in questions.photos], paths)
    large = large_px(len(questions.photos))
    requests = [Request(photo.file, large, at_s=photo.at_s) for photo in questions.photos]
    names = [photo.name for photo in questions.photos]
    shown, problems = show_photos(requests, names, options.cache, progress)
    page = render(
        "review",
        data=_data(questions, shown, selection.in_words(), target),
        shown=shown,
        images="data:",
        asks=True,
    )
    write_file(target, page)
    return PageReport(target, len(shown), questions.candidates, len(page), problems)


def _data(questions: ToJudge, shown: Sequence[Shown], selection: str, target: Path) -> dict[str, Any]:
    """What page.js reads. ``review`` names this page: answers of an older one are others'."""
    made_at = utc_now()
    name = f"{questions.library}{made_at.isoformat()}{[photo.image_id for photo in questions.photos]}"
    return {
        "format": FORMAT,
        "formatVersion": VERSION,
        "review": hashlib.blake2b(name.encode(), digest_size=8).hexdigest(),
        "library": questions.library,
        "random": questions.random,
        "selection": selection,
        "classes": [[name, kind.value] for name, kind in questions.classes],
        "keys": questions.keys,
        "photos": [_photo(photo, s, target) for photo, s in zip(questions.photos, shown, strict=True)],
        "notes": _notes(questions),
        "folder": None,
    }


def _photo(photo: PhotoToJudge, shown: Shown, target: Path) -> dict[str, Any]:
    return {
        "id": photo.image_id,
        "path": photo.path,
        "name": photo.name,
        "size": photo.size_bytes,
        "station": photo.station,
        "us": photo.captured_us,
        "why": list(photo.why),
        "basedOn": photo.based_on,
        "focus": photo.focus,
        "ratio": round(shown.ratio, 4),
        "problem": shown.problem,
        "boxes": [
            [b.class_index, b.confidence, *(round(side, 6) for side in b.box), int(b.counts), int(b.asked)]
            + ([] if b.elsewhere_s is None else [round(b.elsewhere_s, 1)])
            for b in photo.boxes
        ],
        "clip": link_to(photo.clip, target) if photo.clip else "",
    }


def _notes(questions: ToJudge) -> list[str]:
    asked, all_ = len(questions.photos), questions.candidates
    how = "drawn at random" if questions.random else "the most useful first"
    notes = [f"{count(asked, 'photo')} of {all_:,} that a model has looked at and nobody has judged, {how}."]
    if questions.undated_left_out:
        notes.append(
            f"{count(questions.undated_left_out, 'photo')} without a capture time can't be in this selection."
        )
    notes.append(f"trailcam {__version__}")
    return notes
