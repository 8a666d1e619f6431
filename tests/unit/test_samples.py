"""The sample library is what its manifest says, judged with Pillow alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from trailcam.samples import Sample, build_library, library
from trailcam.samples.__main__ import main

if TYPE_CHECKING:
    from tests.conftest import SampleLibrary

RENDERED = {"Hayfield", "270_Jason", "Sanctuary", "Creek_Crossing"}


def _open(root: Path, sample: Sample) -> Image.Image:
    with Image.open(root / sample.path) as image:
        image.load()
        return image


def photos(library: SampleLibrary) -> list[Sample]:
    return [sample for sample in library.samples if not sample.is_video]


def test_every_file_is_in_the_manifest(sample_library: SampleLibrary) -> None:
    on_disk = {
        p.relative_to(sample_library.root).as_posix() for p in sample_library.root.rglob("*") if p.is_file()
    }
    assert [s.path for s in sample_library.samples] == sorted(on_disk)
    assert 35 <= len(on_disk) <= 45
    assert {s.station for s in sample_library.samples} >= RENDERED
    assert all(s.path.split("/")[0] == s.station for s in sample_library.samples)


def test_there_is_one_of_each_oddity(sample_library: SampleLibrary) -> None:
    samples = sample_library.samples
    assert sum(not s.readable for s in samples) == 1
    assert sum(s.captured_at is None for s in samples) == 1
    assert sum(s.time_source == "filename" and not s.is_video for s in samples) == 1
    assert {kind for s in samples for kind in s.drawn} >= {"fawn", "doe", "young", "mid", "mature"}
    assert any(not s.drawn and s.readable for s in samples)
    assert {s.night for s in samples} == {True, False}


def test_dates_span_two_seasons_august_to_february(sample_library: SampleLibrary) -> None:
    dates = [s.captured_at for s in sample_library.samples if s.captured_at]
    assert {d.month for d in dates} == {8, 9, 10, 11, 12, 1, 2}
    season_years = {d.year if d.month >= 8 else d.year - 1 for d in dates}
    assert season_years == {2024, 2025}


def test_exif_tells_the_time_of_the_manifest(sample_library: SampleLibrary) -> None:
    for sample in photos(sample_library):
        with Image.open(sample_library.root / sample.path) as image:
            times = image.getexif().get_ifd(0x8769)
        if sample.time_source != "exif":
            assert 0x9003 not in times, sample.path
            continue
        assert sample.captured_at is not None
        assert times[0x9003] == f"{sample.captured_at:%Y:%m:%d %H:%M:%S}", sample.path
        assert int(times.get(0x9291, "0")) * 1000 == sample.captured_at.microsecond, sample.path


def test_exactly_the_broken_file_does_not_decode(sample_library: SampleLibrary) -> None:
    for sample in photos(sample_library):
        if sample.readable:
            assert min(_open(sample_library.root, sample).size) >= 480
        else:
            with pytest.raises(OSError, match="truncated"):
                _open(sample_library.root, sample)


def test_night_is_grey_and_day_is_not(sample_library: SampleLibrary) -> None:
    for sample in photos(sample_library):
        if sample.station not in RENDERED or not sample.readable:
            continue
        pixels = np.asarray(_open(sample_library.root, sample).convert("RGB"), dtype=np.int16)
        spread = float(np.mean(pixels.max(axis=2) - pixels.min(axis=2)))
        assert (spread < 4) is sample.night, (sample.path, spread)


def test_the_sideways_photo_is_upright_once_turned(sample_library: SampleLibrary) -> None:
    sideways = next(s for s in sample_library.samples if s.path.endswith("SANC0101.JPG"))
    image = _open(sample_library.root, sideways)
    assert image.height > image.width
    upright = ImageOps.exif_transpose(image)
    assert upright.width > upright.height
    strip = np.asarray(upright.convert("L"))[-10:]
    assert strip.mean() < 40  # the dark info strip lies at the bottom again


def test_two_clips_are_drawn_that_any_player_can_play(sample_library: SampleLibrary) -> None:
    clips = [sample for sample in sample_library.samples if sample.is_video]
    assert sorted(clip.time_source for clip in clips) == ["filename", "still"]
    for clip in clips:
        path = sample_library.root / clip.path
        assert path.stat().st_size < 4_000_000
        with av.open(str(path)) as film:
            stream = film.streams.video[0]
            frames = [frame.to_ndarray(format="gray") for frame in film.decode(stream)]
            assert (stream.codec_context.name, float(stream.average_rate or 0)) == ("mjpeg", 6)
        assert len(frames) == 24
        assert min(frames[0].shape) >= 360
        moved = np.abs(frames[0].astype(int) - frames[-1]) > 40
        assert 0.005 < moved.mean() < 0.3
    beside = next(clip for clip in clips if clip.time_source == "still")
    still = next(s for s in photos(sample_library) if s.path == beside.path.replace(".AVI", ".JPG"))
    assert (still.captured_at, still.drawn) == (beside.captured_at, beside.drawn)


def test_a_deer_changes_the_frame(sample_library: SampleLibrary) -> None:
    by_path = {s.path: s for s in sample_library.samples}
    empty = by_path["Hayfield/DCIM/100RECNX/RCNX0010.JPG"]
    buck = by_path["Hayfield/DCIM/100RECNX/RCNX0011.JPG"]
    assert (empty.drawn, buck.drawn) == ((), ("mature",))
    frames = [
        np.asarray(_open(sample_library.root, s).convert("L").resize((160, 120)), dtype=float)
        for s in (empty, buck)
    ]
    scene, deer = (frame / frame[:30].mean() for frame in frames)  # exposure differs from photo to photo
    changed = np.abs(scene - deer)[:110] > 0.15
    assert 0.02 < changed.mean() < 0.35


def test_the_same_seed_gives_the_same_bytes(
    sample_library: SampleLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One visit is enough, and shows that a frame does not depend on what was drawn before it.
    monkeypatch.setattr(library, "_VISITS", library._VISITS[:1])
    monkeypatch.setattr(library, "_CLIPS", library._CLIPS[:1])
    again = build_library(tmp_path / "same")
    other = build_library(tmp_path / "other", seed=1)
    for sample in again:
        assert (tmp_path / "same" / sample.path).read_bytes() == (
            sample_library.root / sample.path
        ).read_bytes()
    assert [s.path for s in again] == [s.path for s in other]
    first = again[-1].path
    assert (tmp_path / "other" / first).read_bytes() != (tmp_path / "same" / first).read_bytes()


def test_a_folder_that_can_not_be_written_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main([str(tmp_path / "file")]) == 2
    assert "can't be written" in capsys.readouterr().err
