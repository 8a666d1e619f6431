"""Deployments compared with a model in plain Python that decides photo by photo."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import Library, Photo, make_library
from trailcam.store.database import Connection
from trailcam.store.deployments import Deployment, find_deployments
from trailcam.store.images import save_images

START = datetime(2024, 9, 1, 6, 0)


@dataclass(frozen=True)
class Shot:
    """One photo: hours after START (None: no capture time) and what names its camera."""

    hours: int | None
    station: str = "Hayfield"
    serial: str | None = None
    make: str | None = None
    model: str | None = None
    suspect: str | None = None

    @property
    def at(self) -> datetime | None:
        return None if self.hours is None else START + timedelta(hours=self.hours)


def add(library: Library, shots: Sequence[Shot]) -> None:
    images = []
    for n, shot in enumerate(shots):
        image = Photo(f"{n}.jpg", shot.at, shot.station, shot.suspect).image()
        images.append(replace(image, make=shot.make, model=shot.model, serial=shot.serial))
    with library.database.write() as db:
        save_images(db, library.root_id, images, {})


def ask(folder: Path, shots: Sequence[Shot], silent_days: int = 7) -> tuple[list[Deployment], dict[str, int]]:
    """The deployments, and for each photo's name the number of its own."""
    library = make_library(folder)
    add(library, shots)
    with library.database.read() as db:
        found = find_deployments(db, silent_days=silent_days)
        return found.listed, _numbers(db)


def _numbers(db: Connection) -> dict[str, int]:
    pairs = db.execute(
        "SELECT path, number FROM deployment_photos JOIN images USING (image_id) ORDER BY path"
    ).fetchall()
    return {str(path).rpartition("/")[2]: int(number) for path, number in pairs}


def test_a_gap_and_a_change_of_camera_begin_a_deployment(tmp_path: Path) -> None:
    shots = [
        Shot(0, serial="A", make="RECONYX", model="HF2"),
        Shot(24 * 8 - 1, serial="A", make="RECONYX", model="HF2"),  # 7 days without: not yet silent
        Shot(24 * 20, serial="A", make="RECONYX", model="HF2"),
        Shot(24 * 20 + 1, serial="B", make="RECONYX", model="HF2"),
        Shot(5, station="TinMan"),
    ]
    found, numbers = ask(tmp_path, shots)
    assert [(d.deployment_id, d.photos, d.camera) for d in found] == [
        ("Hayfield 2024-09-01", 2, "RECONYX HF2 (A)"),
        ("Hayfield 2024-09-21", 1, "RECONYX HF2 (A)"),
        ("Hayfield 2024-09-21 #2", 1, "RECONYX HF2 (B)"),
        ("TinMan 2024-09-01", 1, None),
    ]
    assert numbers == {"0.jpg": 0, "1.jpg": 0, "2.jpg": 1, "3.jpg": 2, "4.jpg": 3}
    assert (found[0].start, found[0].end) == (START, START + timedelta(hours=24 * 8 - 1))


def test_a_photo_that_does_not_name_its_camera_joins_the_only_one(tmp_path: Path) -> None:
    found, _ = ask(tmp_path, [Shot(0, serial="A", make="RECONYX"), Shot(1, make="RECONYX"), Shot(2)])
    assert [(d.photos, d.serial, d.make) for d in found] == [(3, "A", "RECONYX")]


def test_with_two_cameras_an_unnamed_photo_is_nobodys(tmp_path: Path) -> None:
    found, _ = ask(tmp_path, [Shot(0, serial="A"), Shot(1, serial="B"), Shot(2)])
    assert [(d.photos, d.camera) for d in found] == [(1, "A"), (1, "B"), (1, None)]


def test_undated_and_doubtful_photos_are_in_none(tmp_path: Path) -> None:
    found, numbers = ask(tmp_path, [Shot(None), Shot(1, suspect="clock_reset"), Shot(2)])
    assert ([d.photos for d in found], numbers) == ([1], {"2.jpg": 0})


def test_nothing_makes_no_deployment(tmp_path: Path) -> None:
    assert ask(tmp_path, [Shot(None)]) == ([], {})


SHOTS = st.builds(
    Shot,
    hours=st.one_of(st.none(), st.integers(0, 24 * 40)),
    station=st.sampled_from(["A", "B"]),
    serial=st.sampled_from([None, "1", "2"]),
    make=st.sampled_from([None, "RECONYX"]),
    suspect=st.sampled_from([None, None, None, "future"]),
)


def model(shots: Sequence[Shot], silent_days: int) -> set[frozenset[int]]:
    """The photos' numbers, by deployment."""
    told = {n: shot for n, shot in enumerate(shots) if shot.hours is not None and shot.suspect is None}
    cameras: dict[int, str | None] = {}
    for n, shot in told.items():
        alike = {
            o.serial for o in told.values() if (o.station, o.make) == (shot.station, shot.make) and o.serial
        }
        only = next(iter(alike)) if len(alike) == 1 and shot.make else None
        serial = shot.serial or only
        cameras[n] = f"serial {serial}" if serial else f"kind {shot.make}" if shot.make else None
    for n in [n for n, camera in cameras.items() if camera is None]:
        others = {
            cameras[o] for o in told if told[o].station == told[n].station and _named(told[o], cameras[o])
        }
        cameras[n] = next(iter(others)) if len(others) == 1 else None
    found: set[frozenset[int]] = set()
    for place in {(shot.station, cameras[n]) for n, shot in told.items()}:
        own = sorted(
            (n for n in told if (told[n].station, cameras[n]) == place), key=lambda n: told[n].hours or 0
        )
        stay: list[int] = []
        for n in own:
            if stay and (_day(told[n]) - _day(told[stay[-1]])).days - 1 > silent_days:
                found.add(frozenset(stay))
                stay = []
            stay.append(n)
        found.add(frozenset(stay))
    return found


def _named(shot: Shot, camera: str | None) -> bool:
    return camera is not None and bool(shot.serial or shot.make)


def _day(shot: Shot) -> datetime:
    assert shot.at
    return shot.at.replace(hour=0, minute=0)


@settings(max_examples=25, deadline=None)
@given(shots=st.lists(SHOTS, max_size=14), silent_days=st.integers(1, 12))
def test_against_a_model(shots: list[Shot], silent_days: int) -> None:
    with tempfile.TemporaryDirectory(prefix="trailcam-test-") as folder:
        found, numbers = ask(Path(folder), shots, silent_days)
    grouped: dict[int, set[int]] = {}
    for name, number in numbers.items():
        grouped.setdefault(number, set()).add(int(name.partition(".")[0]))
    assert {frozenset(own) for own in grouped.values()} == model(shots, silent_days)
    assert [d.number for d in found] == list(range(len(found)))
    assert {d.number: d.photos for d in found} == {k: len(v) for k, v in grouped.items()}
    assert len({d.deployment_id for d in found}) == len(found)
