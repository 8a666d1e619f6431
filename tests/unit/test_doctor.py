"""The doctor names what is wrong, and what to do; nothing it does changes the database."""

from __future__ import annotations

import json
import threading
from importlib import metadata
from pathlib import Path

import duckdb
import pytest

from tests.conftest import Cli
from tests.helpers.library import Library, Photo, make_library
from trailcam import doctor
from trailcam.detect.model.backend import openvino_version
from trailcam.doctor import Check, Severity, examine
from trailcam.errors import DeviceError
from trailcam.settings.config import Settings, load
from trailcam.store.check_database import fingerprint
from trailcam.store.station_facts import set_facts


@pytest.fixture
def library(tmp_path: Path) -> Library:
    names = [f"{n:02}.jpg" for n in range(30)]
    made = make_library(tmp_path, [Photo(name) for name in names], {"00.jpg": [("doe", 0.9)]})
    (made.root / "Hayfield").mkdir()
    for name in names:
        (made.root / "Hayfield" / name).write_bytes(b"x" * 1000)
    return made


@pytest.fixture
def settings(library: Library, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(doctor, "_model", lambda _: iter(()))  # tried for real below, in one process
    return load(None, {"db": library.database.path}, {})


def found(library: Library, settings: Settings) -> dict[str, Check]:
    return {finding.what: finding for finding in examine(library.database, settings)}


def test_a_library_in_order(library: Library, settings: Settings) -> None:
    with library.database.write() as db:
        set_facts(db, 1, {"timezone": "America/Chicago"})
    with library.database.read() as db:
        before = fingerprint(db)
    findings = found(library, settings)
    bad = {
        f.what: f for f in findings.values() if f.level is not Severity.OK and f.what not in ("PATH", "disk")
    }
    assert bad == {}
    assert "20 of 20 photos read" in findings["root photos"].found
    assert "30 photos" in findings["database"].found
    assert "free" in findings["lock"].found
    with library.database.read() as db:
        assert fingerprint(db) == before


def test_what_is_wrong_has_a_remedy(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (library.root / "Hayfield").iterdir():
        path.unlink()
    with library.database.write() as db:
        set_facts(db, 1, {"timezone": "Texas/Austin"})
        db.execute("UPDATE runs SET state = 'running', n_completed = 7, finished_at = NULL")
        db.execute("UPDATE roots SET scanned_at = TIMESTAMP '2999-01-01'")
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("TERM", raising=False)
    findings = found(library, settings)
    levels = {what: finding.level for what, finding in findings.items()}
    assert levels["root photos"] is Severity.WARNING
    assert levels["time zones"] is Severity.ERROR
    assert levels["clock"] is Severity.WARNING
    assert levels["last run"] is Severity.WARNING
    assert levels["database"] is Severity.ERROR
    assert levels["PATH"] is Severity.WARNING
    assert "0 of 20" in findings["root photos"].found
    assert "Texas/Austin" in findings["time zones"].found
    assert "db repair" in findings["database"].remedy
    assert "not set" in findings["terminal"].found
    assert all(f.remedy for f in findings.values() if f.level is not Severity.OK)
    (library.root / "Hayfield").rmdir()
    gone = found(library, settings)["root photos"]
    assert gone.level is Severity.ERROR
    assert "mounted" in gone.remedy


def test_a_drive_that_does_not_answer_is_given_up(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "PATIENCE_S", 0.2)
    over = threading.Event()
    monkeypatch.setattr(doctor, "read_photo", lambda _: bytes(over.wait(60)))
    try:
        silent = found(library, settings)["root photos"]
    finally:
        over.set()
    assert silent.level is Severity.ERROR
    assert "not answered" in silent.found


def test_a_slow_drive_and_a_full_disk(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SLOW", 1e12)
    monkeypatch.setattr(doctor, "TOO_LITTLE_BYTES", 1 << 62)
    findings = found(library, settings)
    assert findings["root photos"].level is Severity.WARNING
    assert "slow" in findings["root photos"].remedy
    assert findings["disk"].level is Severity.ERROR


def test_what_fails_is_a_finding(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_device(_: object) -> doctor.Checks:
        raise DeviceError("no GPU", "use the processor")

    def bug(_: object) -> doctor.Checks:
        raise ZeroDivisionError("0")

    monkeypatch.setattr(doctor, "_model", no_device)
    monkeypatch.setattr(doctor, "_time", bug)
    findings = found(library, settings)
    assert findings["model"] == Check(Severity.ERROR, "model", "no GPU", "use the processor")
    assert findings["time"].level is Severity.ERROR
    assert "cron" not in findings
    assert "lock" in findings


def test_videos_are_tried_where_there_are_some(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "videos" not in found(library, settings)
    with library.database.write() as db:
        db.execute("UPDATE roots SET n_videos = 3")
    assert "decodes a known clip" in found(library, settings)["videos"].found
    monkeypatch.setattr("trailcam.words.unread.find_spec", lambda _: None)
    without = found(library, settings)["videos"]
    assert (without.level, without.found) == (Severity.WARNING, "3 videos not looked at")
    assert "[video]" in without.remedy


def test_versions_that_do_not_fit(
    library: Library, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        metadata, "requires", lambda _: ["duckdb>=999", "no-such-package>1", "numpy>1; extra == 'x'"]
    )
    wrong = found(library, settings)["versions"]
    assert wrong.level is Severity.ERROR
    assert "duckdb" in wrong.found
    assert "no-such-package is not installed" in wrong.found
    assert "numpy" not in wrong.found


def test_the_command(cli: Cli, tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg")])
    (library.root / "Hayfield").mkdir()
    (library.root / "Hayfield" / "1.jpg").write_bytes(b"x")
    done = cli("doctor", "--db", library.database.path, "--device", "cpu")
    assert done.returncode == 0, done.stdout + done.stderr
    answer, *findings = done.stdout.splitlines()
    assert answer.startswith(("Nothing keeps trailcam from working", "All is well"))
    lines = {line.split()[1]: line.split()[0] for line in findings if line and not line.startswith(" ")}
    assert lines["device"] == "ok"
    assert lines["weights"] == "ok"
    by = "torch" if openvino_version() is None else "openvino"  # the one that a detect would use
    assert f" by {by}: the test frame in" in done.stdout
    with duckdb.connect(str(library.database.path)) as db:
        db.execute("UPDATE images SET status = 'completed'")
    asked = cli("doctor", "--db", library.database.path, "--format", "json", "--device", "cuda:99")
    assert asked.returncode == 2
    assert json.loads(asked.stdout)["headline"].startswith("2 errors keep trailcam from working")
    rows = {row["what"]: row for row in json.loads(asked.stdout)["rows"]}
    assert rows["database"]["level"] == rows["model"]["level"] == "error"
    assert rows["model"]["remedy"]
