"""A library in a bucket: the commands of every night, with moto's server in the place of a provider."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from tests.conftest import Cli, SampleLibrary, TinyJpeg
from tests.helpers.clips import write_clip
from trailcam.detect.pipeline.read_file import Missing, read_file
from trailcam.files.object_store import list_folder, url_of
from trailcam.media.exif import UNREADABLE, VANISHED, UnreadableImageError, read_header
from trailcam.video.client import video_process


@pytest.fixture(scope="module")
def store() -> Iterator[Mapping[str, str]]:
    """The environment of a store at this machine."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    yield {**keys, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_MAX_ATTEMPTS": "1"}
    server.stop()


@pytest.fixture
def bucket(store: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> fsspec.AbstractFileSystem:
    """An empty bucket, ``ranch``; this process sees the store as the commands do."""
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    if system.exists("ranch"):
        system.rm("ranch", recursive=True)
    system.mkdir("ranch")
    return system


def fill(bucket: fsspec.AbstractFileSystem, tiny_jpeg: TinyJpeg, n: int = 6) -> None:
    for at in range(n):
        taken = {0x9003: f"2024:11:{at + 1:02d} 06:00:00"}
        photo = tiny_jpeg((640, 480), exif_ifd=taken)
        bucket.pipe(f"ranch/cards/Gate/IMG_{at:04d}.JPG", photo + bytes(200_000))
    bucket.pipe("ranch/cards/Gate/raw.dng", b"no photo")
    bucket.pipe("ranch/cards/.trash/IMG_0009.JPG", b"hidden")


def rows(cli: Cli, env: Mapping[str, str], *command: str) -> list[dict[str, object]]:
    done = cli(*command, "--format", "json", env=env)
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["rows"])


@pytest.mark.timeout(600)
def test_the_same_answers_as_from_a_drive(
    cli: Cli,
    sample_library: SampleLibrary,
    bucket: fsspec.AbstractFileSystem,
    store: Mapping[str, str],
    tmp_path: Path,
) -> None:
    bucket.put(str(sample_library.root), "ranch/cards", recursive=True)
    exports = {}
    for name, root in (("drive", str(sample_library.root)), ("bucket", "s3://ranch/cards")):
        database = str(tmp_path / f"{name}.duckdb")
        scanned = cli("scan", root, "--root-name", "cards", "--db", database, env=store)
        assert scanned.returncode == 0, scanned.stderr
        detected = cli("detect", "--db", database, env=store, timeout=500)
        assert detected.returncode == 1, detected.stderr  # one file is broken
        out = tmp_path / f"{name}.csv"
        assert cli("export", "csv", "--db", database, "-o", out, env=store).returncode == 0
        exports[name] = out.read_text(encoding="utf-8")
    assert exports["bucket"] == exports["drive"]
    assert "s3://ranch/cards" in cli("status", "--db", database, env=store).stdout
    page = tmp_path / "gallery.html"
    made = cli("gallery", "--db", database, "-o", page, env=store)
    assert made.returncode == 0, made.stderr
    assert "data:image/jpeg" in page.read_text(encoding="utf-8")


def test_again_is_cheap_and_what_is_gone_is_noticed(
    cli: Cli, bucket: fsspec.AbstractFileSystem, store: Mapping[str, str], tiny_jpeg: TinyJpeg
) -> None:
    fill(bucket, tiny_jpeg)
    assert cli("scan", "s3://ranch/cards/", env=store).returncode == 0
    (row,) = [row for row in rows(cli, store, "status") if row["by"] == "station"]
    assert (row["name"], row["photos"]) == ("Gate", 6)
    bucket.rm("ranch/cards/Gate/IMG_0003.JPG")
    bucket.pipe("ranch/cards/Gate/IMG_0007.JPG", tiny_jpeg((640, 480)))
    done = cli("scan", env=store)
    assert done.returncode == 0, done.stderr
    figures = done.stdout.splitlines()[2].split()
    assert figures == ["1", "0", "5", "1", "0"]
    told = cli("report", "species", env=store)
    assert "1 other picture (1 DNG)" in told.stdout + told.stderr


def test_videos_are_read_as_from_a_drive(
    cli: Cli,
    bucket: fsspec.AbstractFileSystem,
    store: Mapping[str, str],
    tiny_jpeg: TinyJpeg,
    tmp_path: Path,
) -> None:
    fill(bucket, tiny_jpeg, 1)
    clip = write_clip(tmp_path / "clip.mp4", seconds=3, tags={"creation_time": "2024-11-03T07:12:00Z"})
    for name, data in (
        ("whole.mp4", clip.read_bytes()),
        ("cut.mp4", clip.read_bytes()[:-100]),
        ("empty.avi", b""),
    ):
        bucket.pipe(f"ranch/cards/Gate/{name}", data)
    scanned = cli("scan", "s3://ranch/cards", env=store)
    assert scanned.returncode == 1, scanned.stderr
    assert "Gate/cut.mp4: its index is missing" in scanned.stderr
    assert "Gate/empty.avi: the file is empty" in scanned.stderr
    coverage = json.loads(cli("status", "--format", "json", env=store).stdout)["coverage"]
    assert (coverage["videos"], coverage["videos_pending"], coverage["videos_failed"]) == (3, 1, 2)
    url = Path("s3://ranch/cards/Gate/whole.mp4")
    video_process().close()  # one that an earlier test began has no credentials
    frame = read_file(url, 2.0)
    assert isinstance(frame, bytes)
    assert frame == read_file(clip, 2.0)
    bucket.rm("ranch/cards/Gate/whole.mp4")
    video_process().close()  # its listing is from before
    assert isinstance(read_file(url, 2.0), Missing)


def test_what_is_not_there_changes_nothing(
    cli: Cli, bucket: fsspec.AbstractFileSystem, store: Mapping[str, str], tiny_jpeg: TinyJpeg
) -> None:
    fill(bucket, tiny_jpeg)
    assert cli("scan", "s3://ranch/cards", env=store).returncode == 0
    before = rows(cli, store, "status")
    bucket.rm("ranch/cards", recursive=True)
    emptied = cli("scan", env=store)
    assert (emptied.returncode, emptied.stdout) == (2, "")
    assert "There is nothing at s3://ranch/cards." in emptied.stderr
    assert "credentials" in emptied.stderr
    lost = cli("scan", env={**store, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "s3://ranch/cards can't be read: EndpointConnectionError" in lost.stderr
    detected = cli("detect", env=store)
    assert detected.returncode == 2
    assert "There is nothing at s3://ranch/cards." in detected.stderr
    nobody = cli("scan", "s3://nobodys-bucket/cards", env=store)
    assert "There is no bucket for s3://nobodys-bucket/cards." in nobody.stderr
    assert rows(cli, store, "status") == before


def test_half_of_it_gone_is_no_deletion(
    cli: Cli, bucket: fsspec.AbstractFileSystem, store: Mapping[str, str], tiny_jpeg: TinyJpeg
) -> None:
    fill(bucket, tiny_jpeg, 10)
    assert cli("scan", "s3://ranch/cards", env=store).returncode == 0
    for at in range(5):
        bucket.rm(f"ranch/cards/Gate/IMG_{at:04d}.JPG")
    done = cli("scan", env=store)
    assert done.returncode == 2
    assert "5 of the 10 known photos of 'cards' are gone from s3://ranch/cards" in done.stderr


def test_one_folder_is_one_root(
    cli: Cli, bucket: fsspec.AbstractFileSystem, store: Mapping[str, str], tiny_jpeg: TinyJpeg
) -> None:
    fill(bucket, tiny_jpeg)
    assert cli("scan", "s3://ranch/cards", env=store).returncode == 0
    assert "overlaps the root" in cli("scan", "s3://ranch/cards/Gate", env=store).stderr
    assert "overlaps the root" in cli("scan", "s3://ranch", env=store).stderr


def test_a_header_is_read_by_its_first_block(
    bucket: fsspec.AbstractFileSystem, tiny_jpeg: TinyJpeg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a photo of 5 MB two blocks travel: its head, and the tail that identifies it."""
    bucket.pipe("ranch/big.jpg", tiny_jpeg((640, 480)) + bytes(5_000_000))
    fetched: list[int] = []
    monkeypatch.setattr("s3fs.core.S3File._fetch_range", _counting(fetched))
    header = read_header("s3://ranch/big.jpg")
    assert (header.width, header.height) == (640, 480)
    assert header.content_id
    assert sum(fetched) <= 300_000


def _counting(fetched: list[int]) -> object:
    from s3fs.core import S3File

    real = S3File._fetch_range

    def fetch(self: object, start: int, end: int) -> bytes:
        data: bytes = real(self, start, end)
        fetched.append(len(data))
        return data

    return fetch


def test_failures_are_those_of_a_drive(
    bucket: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnreadableImageError) as gone:
        read_header("s3://ranch/nothing.jpg")
    assert gone.value.code == VANISHED
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(UnreadableImageError) as lost:
        read_header("s3://ranch/nothing.jpg")
    assert lost.value.code == UNREADABLE
    with pytest.raises(OSError, match="EndpointConnectionError"):
        list_folder("s3://ranch/cards")
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://ranch/cards/", "s3://ranch/cards"),
        (Path("s3://ranch/cards"), "s3://ranch/cards"),
        (Path("gs://ranch"), "gs://ranch"),
        ("/mnt/s3://x", None),
        ("s3", None),
        (Path("C:/photos"), None),
        ("http://ranch/cards", None),
    ],
)
def test_what_is_an_address(text: str | Path, expected: str | None) -> None:
    assert url_of(text) == expected
