"""Videos are opened in a process of their own: what it finds, what it refuses, and how it is ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.clips import GREY, RED, STILL_SQUARE, red_square, write_clip, write_sound
from trailcam.detect.pipeline.read_file import read_file
from trailcam.media.exif import read_header
from trailcam.video.client import Frames, VideoProcess
from trailcam.video.facts import Span, VideoCode, VideoFacts, VideoFailed


@pytest.fixture
def videos() -> Iterator[VideoProcess]:
    process = VideoProcess()
    yield process
    process.close()


def whole(width: int, height: int) -> tuple[int, int]:
    return width, height


def times(found: Frames | VideoFailed) -> list[float]:
    assert isinstance(found, Frames), found
    return [round(frame.at_s, 3) for frame in found.frames]


CODECS = {
    "a.mp4": ("libx264", "h264"),
    "b.mp4": ("libx265", "hevc"),
    "c.mov": ("libx264", "h264"),
    "d.avi": ("mjpeg", "mjpeg"),
    "e.avi": ("mpeg4", "mpeg4"),
    "f.mkv": ("libx264", "h264"),
}


@pytest.mark.parametrize("name", CODECS)
def test_what_cameras_write_is_read(tmp_path: Path, videos: VideoProcess, name: str) -> None:
    codec, called = CODECS[name]
    path = write_clip(tmp_path / name, codec=codec, seconds=3)
    facts = videos.probe(path)
    assert isinstance(facts, VideoFacts)
    assert (facts.width, facts.height, facts.turn, facts.codec) == (320, 240, 0, called)
    assert facts.duration_s == pytest.approx(3, abs=0.11)
    assert facts.frame_rate == pytest.approx(10)
    found = videos.frames(path, Span(1.0), lambda *_: (160, 120))
    assert times(found) == [0, 1, 2]
    assert isinstance(found, Frames)
    for frame in found.frames:
        assert frame.pixels.shape == (120, 160, 3)
        assert np.abs(frame.pixels[56, 68].astype(int) - RED).max() < 60
        assert np.abs(frame.pixels[10, 10].astype(int) - GREY).max() < 30


def test_a_part_begins_where_it_should_with_and_without_key_frames(
    tmp_path: Path, videos: VideoProcess
) -> None:
    for gop in (10, 60, 500):
        path = write_clip(tmp_path / f"{gop}.mp4", seconds=6, gop=gop)
        assert times(videos.frames(path, Span(1.0, 0, 3), whole)) == [0, 1, 2]
        later = times(videos.frames(path, Span(1.0, 3), whole))
        assert len(later) == 3
        assert all(slot <= at < slot + 0.25 for slot, at in enumerate(later, 3)), (gop, later)
        assert times(videos.frames(path, Span(1.0, 9), whole)) == []


@pytest.mark.parametrize(("fps", "every_s"), [(1, 1.0), (4, 1.0), (10, 0.1), (10, 0.5), (30, 0.5)])
def test_no_slot_is_left_out_where_frames_are_few(
    tmp_path: Path, videos: VideoProcess, fps: int, every_s: float
) -> None:
    """Of frames that others don't need (B frames) none may be passed over there."""
    path = write_clip(tmp_path / "a.mp4", seconds=6, fps=fps, gop=250)
    assert times(videos.frames(path, Span(every_s, most=99), whole)) == pytest.approx(
        np.arange(0, 6, every_s), abs=every_s / 2
    )


SIZES = [(640, 480), (1280, 720), (1920, 1080), (2560, 1440), (3840, 2160)]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
def test_sizes_up_to_4k_are_scaled_while_decoding(
    tmp_path: Path, videos: VideoProcess, size: tuple[int, int], codec: str
) -> None:
    red = red_square(size, place=lambda _: 8)
    fast = {"preset": "ultrafast"} if codec == "libx264" else None
    path = write_clip(tmp_path / "a.mov", red, codec=codec, seconds=2, fps=2, gop=2, encoder=fast)
    facts = videos.probe(path)
    assert isinstance(facts, VideoFacts)
    assert (facts.width, facts.height) == size
    found = videos.frames(path, Span(1.0), lambda width, height: (width // 4, height // 4))
    assert times(found) == [0, 1]
    assert isinstance(found, Frames)
    assert found.frames[0].pixels.shape == (size[1] // 4, size[0] // 4, 3)
    assert np.abs(found.frames[0].pixels[28, 12].astype(int) - RED).max() < 60


def test_an_index_that_is_missing_costs_an_avi_or_mkv_nothing(tmp_path: Path, videos: VideoProcess) -> None:
    """As where a camera lost power: the frames lie there, the index at the end was never written."""
    for name, codec, index in (("a.avi", "mjpeg", b"idx1"), ("a.mkv", "libx264", b"\x1cS\xbbk")):
        data = write_clip(tmp_path / name, codec=codec, seconds=4).read_bytes()
        (tmp_path / name).write_bytes(data[: data.rindex(index)])
        assert isinstance(videos.probe(tmp_path / name), VideoFacts)
        assert times(videos.frames(tmp_path / name, Span(1.0), whole)) == [0, 1, 2, 3]


def test_damage_in_the_middle_costs_the_damaged_frames(tmp_path: Path, videos: VideoProcess) -> None:
    data = bytearray(write_clip(tmp_path / "a.avi", codec="mjpeg", seconds=6, fps=2).read_bytes())
    frame = data.index(b"00dc", len(data) // 2) + 200
    data[frame : frame + 400] = bytes(400)
    (tmp_path / "a.avi").write_bytes(data)
    found = times(videos.frames(tmp_path / "a.avi", Span(1.0), whole))
    assert (found[0], found[-1]) == (0, 5)
    assert len(found) >= 5


def test_of_more_frames_than_fit_every_second_one_is_kept(tmp_path: Path, videos: VideoProcess) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=9, gop=5)
    found = times(videos.frames(path, Span(0.5, most=5), whole))
    assert found == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_frames_are_turned_upright(tmp_path: Path, videos: VideoProcess, turn: int) -> None:
    def corner(_: float) -> np.ndarray:
        picture = np.full((240, 320, 3), GREY, np.uint8)
        picture[:60, :80] = RED
        return picture

    path = write_clip(tmp_path / "a.mp4", corner, turn=turn, seconds=1)
    facts = videos.probe(path)
    assert isinstance(facts, VideoFacts)
    assert (facts.width, facts.height, facts.turn) == (320, 240, turn)
    found = videos.frames(path, Span(1.0), whole)
    assert isinstance(found, Frames)
    upright = np.rot90(corner(0), -turn // 90)
    assert found.frames[0].pixels.shape == upright.shape
    assert np.abs(found.frames[0].pixels.astype(int) - upright).mean() < 10


def test_frames_of_uneven_length_have_their_own_times(tmp_path: Path, videos: VideoProcess) -> None:
    path = write_clip(tmp_path / "a.mp4", seconds=4, gop=1, uneven=True)
    found = times(videos.frames(path, Span(1.0), whole))
    assert found[0] == 0
    assert all(int(a) < int(b) for a, b in pairwise(found))


def test_a_file_that_is_no_video_has_a_code(tmp_path: Path, videos: VideoProcess) -> None:
    whole_file = write_clip(tmp_path / "whole.mp4").read_bytes()
    avi = write_clip(tmp_path / "whole.avi", codec="mjpeg").read_bytes()
    index = whole_file.index(b"moov")
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
    unknown = whole_file.replace(b"avc1", b"zzz9")
    for content, code in (
        (b"", VideoCode.EMPTY_FILE),
        (bytes(5000), VideoCode.NOT_A_VIDEO),
        (b"\xff\xd8\xff\xe0" + bytes(2000), VideoCode.NOT_A_VIDEO),
        (playlist, VideoCode.NOT_A_VIDEO),
        (whole_file[: index - 4], VideoCode.NO_INDEX),
        (whole_file[:-100], VideoCode.NO_INDEX),
        (avi[:300], VideoCode.CORRUPT),
        (unknown, VideoCode.UNKNOWN_CODEC),
    ):
        path = tmp_path / "bad.mp4"
        path.write_bytes(content)
        for found in (videos.probe(path), videos.frames(path, Span(1.0), whole)):
            assert isinstance(found, VideoFailed), (code, found)
            assert found.code == code, found
    sound = videos.probe(write_sound(tmp_path / "sound.mp4"))
    assert isinstance(sound, VideoFailed)
    assert sound.code == VideoCode.NO_FRAMES
    gone = videos.probe(tmp_path / "gone.mp4")
    assert isinstance(gone, VideoFailed)
    assert gone.code == VideoCode.VANISHED
    folder = videos.probe(tmp_path)
    assert isinstance(folder, VideoFailed)
    assert folder.code == VideoCode.UNREADABLE


@pytest.mark.parametrize("name", ["a.avi", "a.mkv", "front.mp4", "a.mp4"])
def test_what_is_left_of_a_cut_video_is_seen(tmp_path: Path, videos: VideoProcess, name: str) -> None:
    """Cut at every tenth. Where the index comes last there is nothing to see, else all before the cut."""
    in_front = {"movflags": "faststart"} if name == "front.mp4" else None
    codec = "mjpeg" if name == "a.avi" else "libx264"
    data = write_clip(tmp_path / name, codec=codec, seconds=4, options=in_front).read_bytes()
    seen = []
    for tenth in range(10):
        path = tmp_path / f"cut-{name}"
        path.write_bytes(data[: len(data) * tenth // 10])
        found = videos.frames(path, Span(1.0), whole)
        seen.append(len(found.frames) if isinstance(found, Frames) else 0)
        if isinstance(found, VideoFailed):
            assert found.code in set(VideoCode) - {VideoCode.STALLED}
            assert "crash" not in found.message
    assert seen == sorted(seen)
    assert seen[9] == {"a.mp4": 0, "front.mp4": 3}.get(name, 4)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_decoder_that_stands_still_is_ended_and_the_next_video_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where C code never comes back: no sign of life, no answer to anything."""
    path = write_clip(tmp_path / "a.mp4")
    videos = VideoProcess(silence_s=1.0)
    try:
        assert isinstance(videos.probe(path), VideoFacts)
        first = videos._process
        assert first is not None
        os.kill(first.pid, signal.SIGSTOP)
        stalled = videos.probe(path)
        assert isinstance(stalled, VideoFailed)
        assert stalled.code == VideoCode.STALLED
        assert first.poll() is not None
        assert isinstance(videos.probe(path), VideoFacts)
    finally:
        videos.close()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_ends_does_not_wait_for_a_decoder(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    videos = VideoProcess()
    videos.probe(path)
    assert videos._process is not None
    os.kill(videos._process.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        waits = pool.submit(videos.probe, path)
        while not videos._lock.locked():
            time.sleep(0.01)
        videos.close(patience_s=0.1)
        assert isinstance(waits.result(timeout=20), VideoFailed)
    assert videos._process is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_decoder_that_crashes_costs_one_video(tmp_path: Path, videos: VideoProcess) -> None:
    path = write_clip(tmp_path / "a.mp4")
    assert isinstance(videos.probe(path), VideoFacts)
    assert videos._process is not None

    def crash(width: int, height: int) -> tuple[int, int]:
        assert videos._process is not None
        videos._process.send_signal(signal.SIGSEGV)
        return width, height

    crashed = videos.frames(path, Span(1.0), crash)
    assert isinstance(crashed, VideoFailed)
    assert (crashed.code, "signal 11" in crashed.message) == (VideoCode.CORRUPT, True)
    assert times(videos.frames(path, Span(1.0), whole)) == [0, 1]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_decoder_that_somebody_kills_is_asked_once_more(tmp_path: Path, videos: VideoProcess) -> None:
    path = write_clip(tmp_path / "a.mp4")
    killed: list[Any] = []

    def kill_once(width: int, height: int) -> tuple[int, int]:
        if not killed:
            assert videos._process is not None
            killed.append(videos._process)
            killed[0].kill()
            killed[0].wait()
        return width, height

    assert times(videos.frames(path, Span(1.0), kill_once)) == [0, 1]
    assert isinstance(videos.probe(path), VideoFacts)
    assert videos._process is not None
    videos._process.kill()  # between two videos
    videos._process.wait()
    assert isinstance(videos.probe(path), VideoFacts)


def test_the_process_ends_with_its_parent(tmp_path: Path) -> None:
    videos = VideoProcess()
    videos.probe(write_clip(tmp_path / "a.mp4"))
    process = videos._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=20) == 0
    videos.close()


def test_a_name_that_is_no_text_is_opened(tmp_path: Path, videos: VideoProcess) -> None:
    name = "h\udcfchner \x1b[1m http:.mp4"
    path = write_clip(tmp_path / "plain.mp4").rename(tmp_path / name)
    assert isinstance(videos.probe(path), VideoFacts)


def test_a_frame_is_read_as_a_photo(tmp_path: Path) -> None:
    """Pages and crops read photos: of a video they get the frame on which something was seen."""
    moving = red_square(place=lambda at_s: 16 * int(at_s))
    path = write_clip(tmp_path / "a.mp4", moving, seconds=4, gop=40)
    jpeg = read_file(path, 3.0)
    assert isinstance(jpeg, bytes)
    (tmp_path / "frame.jpg").write_bytes(jpeg)
    header = read_header(tmp_path / "frame.jpg")
    assert (header.width, header.height) == (320, 240)
    from PIL import Image

    with Image.open(tmp_path / "frame.jpg") as frame:
        red = np.asarray(frame)[100, :, 0] > 200
    assert abs(int(np.flatnonzero(red)[0]) - 48) < 4


def test_random_damage_never_raises(tmp_path: Path, videos: VideoProcess) -> None:
    rng = np.random.default_rng(5)
    for name, codec in (("a.mp4", "libx264"), ("a.avi", "mpeg4")):
        data = bytearray(write_clip(tmp_path / name, STILL_SQUARE, codec=codec).read_bytes())
        for round_ in range(12):
            broken = data.copy()
            for at in rng.integers(0, len(data), 1 + 8 * round_):
                broken[at] = int(rng.integers(256))
            path = tmp_path / f"broken-{name}"
            path.write_bytes(broken)
            assert isinstance(videos.probe(path), VideoFacts | VideoFailed)
            assert isinstance(videos.frames(path, Span(0.5), lambda *_: (64, 48)), Frames | VideoFailed)
