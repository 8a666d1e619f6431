"""The digest as cron runs it: no terminal, next to no environment, one night after the other."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, TinyJpeg
from trailcam.files.lock import WriterLock
from trailcam.store.database import Database

FAKE = CHECKOUT / "tests" / "helpers" / "fake_trailcam.py"


class Cron:
    """Runs trailcam with cron's environment: HOME, a short PATH, a plain shell, the C locale."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.photos = home / "photos"
        self.db = home / "my photos.duckdb"

    def __call__(self, *args: str, out: int = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
        weights = self.home / "fake.pt"
        weights.write_bytes(b"fake weights")
        command = [sys.executable, str(FAKE), *args, "--db", str(self.db)]
        if args[0] == "detect":
            command += ["--weights", str(weights), "--device", "cpu", "--workers", "0"]
        environment = [f"HOME={self.home}", "PATH=/usr/bin:/bin", "SHELL=/bin/sh", "LOGNAME=owner"]
        return subprocess.run(
            ["env", "-i", *environment, f"PYTHONPATH={CHECKOUT}", *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.home,
            timeout=120,
            start_new_session=True,  # and so without a controlling terminal
            check=False,
        )

    def night(self) -> None:
        """scan and detect."""
        assert self("scan", str(self.photos), "-q").returncode == 0
        done = self("detect", "-q")
        assert done.returncode == 0, done.stderr


@pytest.fixture
def cron(tmp_path: Path, tiny_jpeg: TinyJpeg) -> Cron:
    if os.name == "nt":
        pytest.skip("Windows has no cron")
    cron = Cron(tmp_path)
    add(cron, tiny_jpeg, range(11), "Hayfield")
    return cron


def add(cron: Cron, tiny_jpeg: TinyJpeg, shades: range, station: str) -> None:
    """One photo for each shade, an hour apart, today. Eleven shades show the fake each of its classes."""
    folder = cron.photos / station
    folder.mkdir(parents=True, exist_ok=True)
    start = datetime.now() - timedelta(hours=30)  # noqa: DTZ005 - a camera's clock
    for n in shades:
        taken = f"{start + timedelta(hours=n):%Y:%m:%d %H:%M:%S}"
        photo = tiny_jpeg((64, 64), color=(40 + n, 120, 60), exif_ifd={0x9003: taken})
        (folder / f"IMG_{n:04}.jpg").write_bytes(photo)


def test_two_nights(cron: Cron, tiny_jpeg: TinyJpeg) -> None:
    classes = ("--class", "buck", "--class", "person", "--confidence", "0")
    cron.night()
    first = cron("report", "digest", *classes)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith("New in the first digest")
    assert "\x1b" not in first.stdout
    second = cron("report", "digest", *classes)
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout == "", "cron sends no mail"
    for file in ("-o", "again.html"), ("-o", "again.json"), ("--eml", "again.eml"):
        nothing = cron("report", "digest", *classes, *file)
        assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "")
        assert not (cron.home / file[1]).exists()
    as_json = cron("report", "digest", *classes, "--format", "json")
    assert json.loads(as_json.stdout)["rows"] == []
    add(cron, tiny_jpeg, range(100, 111), "TinMan")
    cron.night()
    third = cron("report", "digest", *classes, "-o", "mail.html")
    assert (third.returncode, third.stdout) == (0, "")
    page = (cron.home / "mail.html").read_text(encoding="utf-8")
    assert "TinMan" in page
    assert "11 photos looked at for the first time" in page
    assert "Hayfield" not in page
    assert page.count("<img") > 3
    assert 'src="data:image/jpeg;base64,' in page
    assert cron("report", "digest", *classes).stdout == ""
    today = datetime.now().date().isoformat()  # noqa: DTZ005 - this machine's day
    for _ in range(2):  # it changes nothing
        again = cron("report", "digest", *classes, "--since", today)
        assert again.returncode == 0
        assert {"Hayfield", "TinMan"} <= set(again.stdout.split())


def test_what_did_not_arrive_is_reported_again(cron: Cron) -> None:
    cron.night()
    with Path("/dev/full").open("w") as full:
        failed = cron("report", "digest", out=full.fileno())
    assert failed.returncode == 2
    nowhere = cron("report", "digest", "-o", str(cron.home / "absent" / "x.html"))
    assert nowhere.returncode == 2
    assert cron("report", "digest", "--dry-run").stdout.startswith("New in the first digest")
    assert cron("report", "digest").stdout.startswith("New in the first digest")
    assert cron("report", "digest").stdout == ""


def test_a_mail_with_pictures(cron: Cron) -> None:
    cron.night()
    classes = ("--class", "buck", "--class", "person", "--confidence", "0")
    done = cron("report", "digest", *classes, "--eml", "digest.eml", "--to", "ann@example.org")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    content = (cron.home / "digest.eml").read_bytes()
    assert len(content) < 500_000
    mail = message_from_bytes(content, policy=policy.default)
    assert mail["To"] == "ann@example.org"
    assert mail["Subject"].startswith("New in the first digest")
    text, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert page is not None
    assert "Hayfield" in text.get_content()
    pictures = {part["Content-ID"][1:-1] for part in mail.walk() if part.get_content_type() == "image/jpeg"}
    assert pictures
    assert set(re.findall(r'src="cid:([^"]+)"', page.get_content())) == pictures
    refused = cron("report", "digest", "--to", "ann@example.org")
    assert (refused.returncode, refused.stdout) == (2, "")
    wrong = cron("report", "digest", "--since", "2020", "--eml", "x.eml", "--to", "two\nlines")
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_it_waits_its_turn(cron: Cron) -> None:
    """While a detect is at work nothing is told, as it can't be remembered; a mere look works."""
    assert cron("scan", str(cron.photos), "-q").returncode == 0
    with WriterLock(cron.db, "detect").acquire():
        refused = cron("report", "digest")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "detect" in refused.stderr
        assert "--wait" in refused.stderr
        assert cron("report", "digest", "--dry-run").returncode == 0
        assert cron("report", "digest", "--since", "2024-01-01").returncode == 0
    assert cron("report", "digest").returncode == 0


def test_mistakes_are_refused(cron: Cron) -> None:
    lost = cron("report", "digest")
    assert (lost.returncode, lost.stdout) == (2, "")
    assert "trailcam scan" in lost.stderr
    assert not cron.db.with_name(f"{cron.db.name}.lock").exists()
    assert cron("scan", str(cron.photos), "-q").returncode == 0
    for wrong, word in (("--since", "yesterday"), ("--class", "unicorn"), ("--confidence", "2")):
        done = cron("report", "digest", wrong, word)
        assert (done.returncode, done.stdout) == (2, "")
        assert "Traceback" not in done.stderr
        assert word in done.stderr
    with Database(cron.db).read() as db:
        assert db.execute("SELECT count(*) FROM digests").fetchall() == [(0,)]
