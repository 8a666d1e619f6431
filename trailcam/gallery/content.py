"""The database's rows -> what a gallery shows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.gallery.cards import Content, Detection, Photo, ShownClass, Tally
from trailcam.gallery.gallery_options import BLUR_FROM, GalleryOptions
from trailcam.gallery.one_moment import join_moments
from trailcam.pages.pictures import Box
from trailcam.selection import Selection
from trailcam.settings.class_words import is_meant, words_of
from trailcam.settings.classmap import fold
from trailcam.store.animals import flock_of
from trailcam.store.counted import Counted, count_boxes
from trailcam.store.database import Connection
from trailcam.store.gallery_rows import gallery_boxes, gallery_coverage, people_to_blur
from trailcam.store.images import roots
from trailcam.store.paths import from_db
from trailcam.store.select import select
from trailcam.words.text import count, printable

_AGES = (AgeClass.MATURE, AgeClass.MID, AgeClass.YOUNG, AgeClass.UNKNOWN)


def read_content(db: Connection, selection: Selection, options: GalleryOptions) -> Content:
    """What a gallery of the selected photos shows.

    With ``options.classes`` (kinds, age classes of bucks or names of classes, in any case; "deer" for all
    deer) it is the photos in which one of them counts. Raises UsageError for a station or class that doesn't
    exist, or a number out of range.
    """
    confidence, lowest = options.confidence, options.lowest
    for name, value in (("--confidence", confidence), ("--lowest", lowest)):
        if value is not None and not 0 <= value <= 1:
            raise UsageError(f"{name} {value:g} makes no sense.", "Give a number from 0 to 1.")
    with select(db, selection) as chosen, count_boxes(chosen, confidence) as counted:
        found = gallery_boxes(counted, lowest, options.gap, per_visit=options.per_visit)
        covered = gallery_coverage(chosen)
        people = _people(counted) if options.blur_people else {}
        clips = chosen.clips()
        notes = _notes(chosen.models(), chosen.undated_left_out(), chosen.count_judged())
        notes += counted.hidden_counts(options.gap).in_words()
    stations = sorted({row["station"] for row in covered}, key=lambda name: (name.casefold(), name))
    said = {(row["said_kind"], row["said_class"]) for row in found}
    keys = sorted({(row["kind"], row["class_name"]) for row in found} | said, key=_class_order)
    station_index = {name: n for n, name in enumerate(stations)}
    class_index = {key: n for n, key in enumerate(keys)}
    folders = {root.root_id: Path(root.path) for root in roots(db)}
    by_image = {
        image_id: _photo(list(group), folders, station_index, class_index, people.get(image_id, ()))
        for image_id, group in groupby(found, key=lambda row: row["image_id"])
    }
    stills = {row["clip_id"]: row["still_id"] for row in clips}
    files = {row["clip_id"]: folders[row["root_id"]] / row["path"] for row in clips}
    photos = join_moments(by_image, stills, files)
    start = _numbers(options.classes, keys)
    if options.classes:
        photos = [p for p in photos if any(one.counts and one.class_index in start for one in p.found)]
    return Content(
        stations=[printable(from_db(name)) for name in stations],
        classes=[_shown(Kind(kind), name) for kind, name in keys],
        photos=photos,
        tallies=[_tally(row, station_index) for row in covered],
        notes=notes,
        confidence=confidence,
        lowest=min(lowest, confidence) if confidence is not None else lowest,
        gap=options.gap,
        start=start,
    )


def _numbers(wanted: Sequence[str], keys: Sequence[tuple[str, str]]) -> list[int]:
    """The numbers of the classes in ``keys`` (kind and name) that somebody means by ``wanted``."""
    numbers: set[int] = set()
    for text in wanted:
        fits = {n for n, (kind, own) in enumerate(keys) if is_meant(words_of(_info(kind, own)), [text])}
        if not fits and fold(text) not in (*Kind, *AgeClass):
            known = ", ".join(sorted({printable(own) for _, own in keys})) or "none"
            raise UsageError(
                f'No photo of this selection shows a class "{printable(text)}".', f"Found there: {known}."
            )
        numbers |= fits
    return sorted(numbers)


def _people(counted: Counted) -> dict[int, tuple[Box, ...]]:
    found = people_to_blur(counted, BLUR_FROM)
    return {
        image_id: tuple((row["x"], row["y"], row["w"], row["h"]) for row in group)
        for image_id, group in groupby(found, key=lambda row: row["image_id"])
    }


def _class_order(key: tuple[str, str]) -> tuple[int, int, str]:
    """Bucks from mature to unknown, then the other kinds in the order of :class:`Kind`."""
    kind, name = key
    age = _AGES.index(AgeClass(name)) if kind == Kind.BUCK else 0
    return list(Kind).index(Kind(kind)), age, name


def _info(kind: str, name: str) -> ClassInfo:
    return ClassInfo(0, name, Kind(kind), AgeClass(name) if kind == Kind.BUCK else None)


def _shown(kind: Kind, name: str) -> ShownClass:
    flock = printable(flock_of(ClassInfo(0, name, kind)))
    if kind is not Kind.BUCK:
        return ShownClass(printable(name), kind, None, flock)
    label = "buck of unknown age" if name == AgeClass.UNKNOWN else f"{name} buck"
    return ShownClass(label, kind, name, flock)


def _photo(
    group: Sequence[dict[str, Any]],
    folders: dict[int, Path],
    station_index: dict[str, int],
    class_index: dict[tuple[str, str], int],
    people: tuple[Box, ...],
) -> Photo:
    first = group[0]
    path = from_db(first["path"])
    file = folders[first["root_id"]] / path
    return Photo(
        file=file,
        name=printable(path),
        station_index=station_index[first["station"]],
        captured_us=first["captured_us"],
        suspect=first["captured_at_suspect"],
        people=people,
        found=tuple(
            Detection(
                class_index=class_index[row["kind"], row["class_name"]],
                # The shortest number that is the same in single precision, as the database compares.
                confidence=float(str(np.float32(row["confidence"]))),
                box=(row["x"], row["y"], row["w"], row["h"]),
                recommended=row["recommended"],
                counts=row["counts"],
                said_index=class_index[row["said_kind"], row["said_class"]],
                visit=row["visit"],
                name=row["name"],
                at_s=row["frame_s"],
            )
            for row in group
        ),
        ahead_us=first["ahead_us"],
        clip=file if first["is_video"] else None,
    )


def _tally(row: dict[str, Any], station_index: dict[str, int]) -> Tally:
    return Tally(
        station_index[row["station"]],
        *(row[name] for name in ("month", "hour", "completed", "pending", "failed", "missing")),
    )


def _notes(models: Sequence[dict[str, Any]], undated_left_out: int, judged: int) -> list[str]:
    names: dict[str, int] = {}
    for model in models:
        names[model["weights_name"]] = names.get(model["weights_name"], 0) + model["photos"]
    listed = ", ".join(f"{printable(name)} ({count(n, 'photo')})" for name, n in names.items())
    notes = [f"Found by {listed}."] if listed else [] if judged else ["No photo has been looked at yet."]
    if judged:
        notes.append(
            f"{count(judged, 'photo')} {'rests' if judged == 1 else 'rest'} on corrections by people."
        )
    blind = [
        name
        for name in names
        if not any(model["age_classes"] for model in models if model["weights_name"] == name)
    ]
    notes += [
        f"The model {printable(name)} has no class for bucks; it can't see them, so 0 doesn't mean none."
        for name in blind
    ]
    if undated_left_out:
        have = "has" if undated_left_out == 1 else "have"
        notes.append(
            f"{count(undated_left_out, 'photo')} {have} no capture time and can't be in this selection."
        )
    return notes
