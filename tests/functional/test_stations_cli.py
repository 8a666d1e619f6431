"""``trailcam stations`` as a user runs it, on real files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import piexif
import pytest

from tests.conftest import Cli, TinyJpeg

DMS = {"N": ((30, 1), (15, 1), (234, 10)), "W": ((97, 1), (45, 1), (0, 1))}
GPS = {
    piexif.GPSIFD.GPSLatitudeRef: b"N",
    piexif.GPSIFD.GPSLatitude: DMS["N"],
    piexif.GPSIFD.GPSLongitudeRef: b"W",
    piexif.GPSIFD.GPSLongitude: DMS["W"],
}


@pytest.fixture
def library(cli: Cli, tmp_path: Path, tiny_jpeg: TinyJpeg) -> Path:
    """Two photos each at A and B; those at B tell a GPS position. Scanned."""
    root = tmp_path / "lib"
    for n, station in enumerate("AABB"):
        path = root / station / "100RECNX" / f"{n}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiny_jpeg(color=(n, 9, 9)))
        exif = {piexif.ExifIFD.DateTimeOriginal: f"2024:11:{n + 1:02d} 12:00:00".encode()}
        exif[piexif.ExifIFD.BodySerialNumber] = f"S{station}".encode()
        piexif.insert(piexif.dump({"Exif": exif, "GPS": GPS if station == "B" else {}}), str(path))
    assert cli("scan", root).returncode == 0
    return root


def listed(cli: Cli, *more: str) -> dict[str, dict[str, Any]]:
    done = cli("stations", "list", "--format", "json", *more)
    assert done.returncode == 0, done.stderr
    return {row["station"]: row for row in json.loads(done.stdout)["rows"]}


def new_photo(library: Path, tiny_jpeg: TinyJpeg, folder: str) -> None:
    (library / folder / "new.jpg").write_bytes(tiny_jpeg(color=(200, 1, 1)))


def test_gps_is_offered_and_taken(cli: Cli, library: Path) -> None:
    shown = cli("stations", "list")
    assert "30°15'23.4\"N 97°45'00.0\"W" in shown.stdout
    assert 'trailcam stations set "B" --from-gps' in shown.stdout
    assert listed(cli)["B"]["latitude"] is None
    assert cli("stations", "set", "B", "--from-gps").returncode == 0
    row = listed(cli)["B"]
    assert (row["latitude"], row["longitude"]) == pytest.approx((30 + 15 / 60 + 23.4 / 3600, -97.75))
    assert "--from-gps" not in cli("stations", "list").stdout
    refused = cli("stations", "set", "A", "--from-gps")
    assert refused.returncode == 2
    assert "No photo of A has a GPS position" in refused.stderr


def test_what_is_set_reaches_the_sun_and_the_package_without_a_configuration(
    cli: Cli, library: Path, tmp_path: Path, tiny_jpeg: TinyJpeg
) -> None:
    place = ("--latitude", "30°15'23.4\"N", "--longitude", "-97.75", "--timezone", "America/Chicago")
    for name in "ab":
        assert cli("stations", "set", name, *place).returncode == 0
    package = tmp_path / "p"
    facts = ("--title", "t", "--contributors", "Ann", "--sampling-design", "targeted")
    done = cli("export", "camtrap-dp", "-o", package, *facts, "--capture-method", "activityDetection")
    assert done.returncode == 0, done.stderr
    deployments = (package / "deployments.csv").read_text()
    assert "30.2565,-97.75" in deployments
    assert "2024-11-01T12:00:00-05:00" in deployments  # still summer time
    assert "2024-11-03T12:00:00-06:00" in deployments
    told = json.loads(cli("stations", "deployments", "--format", "json").stdout)["rows"]
    assert all(row["deployment"] in deployments for row in told)
    (library / "A" / "undated.jpg").write_bytes(tiny_jpeg())
    cli("scan", library)
    assert (
        "1 photo without a trustworthy capture time belongs to none." in cli("stations", "deployments").stdout
    )
    assert [(row["station"], row["serial"], row["photos"]) for row in told] == [
        ("A", "SA", 2),
        ("B", "SB", 2),
    ]


def test_a_rename_and_a_merge_outlive_rescans_and_are_taken_back(
    cli: Cli, library: Path, tiny_jpeg: TinyJpeg
) -> None:
    assert cli("stations", "rename", "A", "Oak").returncode == 0
    new_photo(library, tiny_jpeg, "A")
    assert cli("scan", library).returncode == 0
    assert {name: row["photos"] for name, row in listed(cli).items()} == {"Oak": 3, "B": 2}
    assert cli("stations", "merge", "oak", "b").returncode == 0
    (library / "A" / "100RECNX" / "0.jpg").write_bytes(tiny_jpeg(color=(7, 7, 7), size=(80, 60)))  # changed
    assert cli("scan", library).returncode == 0
    merged = listed(cli)
    assert {name: row["photos"] for name, row in merged.items()} == {"B": 5}
    assert merged["B"]["folders"] == "A"
    assert "5" in cli("report", "stations", "--station", "B").stdout
    assert "separate from B" in cli("stations", "undo").stderr
    assert "called A again" in cli("stations", "undo").stderr
    assert {name: row["photos"] for name, row in listed(cli).items()} == {"A": 3, "B": 2}
    assert cli("stations", "undo").returncode == 2


def test_a_list_can_be_imported_and_changes_nothing(cli: Cli, library: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text('station,latitude,longitude,notes\na,"30°15\'23.4""N",-97.75,=1+1\n', encoding="utf-8")
    first = cli("stations", "import", table)
    assert "Read 1 station, 1 changed." in first.stderr
    before = listed(cli)
    assert before["A"]["notes"] == "=1+1"
    assert "Read 1 station, 0 changed." in cli("stations", "import", table).stderr
    cli("stations", "list", "-o", tmp_path / "out.csv")
    assert "Read 2 stations, 0 changed." in cli("stations", "import", tmp_path / "out.csv").stderr
    assert listed(cli) == before


def test_an_import_is_all_or_nothing(cli: Cli, library: Path, tmp_path: Path) -> None:
    table = tmp_path / "in.csv"
    table.write_text("station,notes\nA,x\nQ,y\n", encoding="utf-8")
    refused = cli("stations", "import", table)
    assert refused.returncode == 2
    assert "1 name in the file is no station here: Q." in refused.stderr
    assert listed(cli)["A"]["notes"] is None
    assert cli("stations", "import", table, "--skip-unknown").returncode == 0
    assert listed(cli)["A"]["notes"] == "x"
    table.write_text("station,notes\nA,x\na,y\n", encoding="utf-8")
    assert "contradicts itself about the notes of A" in cli("stations", "import", table).stderr


def test_what_the_configuration_says_goes_first(cli: Cli, library: Path, tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text('[stations.a]\nlatitude = 31.5\nlongitude = -99.0\n[stations.Gone]\nnotes = "x"\n')
    noted = cli("stations", "list", "--config", config).stdout
    assert "The configuration differs for a: its values apply from the next scan on" in noted
    assert "names Gone, but there is no such station" in noted
    cli("scan", library, "--config", config)
    assert listed(cli)["A"]["latitude"] == 31.5
    refused = cli("stations", "set", "A", "--latitude", "30", "--longitude", "-97", "--config", config)
    assert refused.returncode == 2
    assert "The configuration sets the latitude of A" in refused.stderr
    assert listed(cli)["A"]["latitude"] == 31.5
    assert cli("stations", "set", "A", "--notes", "mine", "--config", config).returncode == 0
    renamed = cli("stations", "rename", "A", "Oak", "--config", config)
    assert "still names A" in renamed.stderr


def test_what_is_set_can_be_cleared(cli: Cli, library: Path) -> None:
    cli("stations", "set", "A", "--latitude", "30", "--longitude", "-97", "--notes", "x", "--timezone", "UTC")
    assert cli("stations", "set", "A", "--clear", "coordinates", "--clear", "notes").returncode == 0
    row = listed(cli)["A"]
    assert (row["latitude"], row["longitude"], row["notes"], row["timezone"]) == (None, None, None, "UTC")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("set", "A"), "nothing to set"),
        (("set", "A", "--latitude", "30"), "but not both"),
        (("set", "A", "--latitude", "30°60'", "--longitude", "0"), "less than 60"),
        (("set", "A", "--timezone", "America/Chigaco"), 'Did you mean "America/Chicago"'),
        (("set", "A", "--notes", "x", "--clear", "notes"), "contradicts"),
        (("set", "A", "--from-gps", "--clear", "coordinates"), "contradicts"),
        (("set", "A", "--from-gps", "--latitude", "1", "--longitude", "1"), "exclude each other"),
        (("set", "Bb", "--notes", "x"), "Did you mean B?"),
        (("merge", "A", "a"), "into itself"),
        (("import", "none.csv"), "Cannot read none.csv"),
        (("undo",), "No station was renamed or merged"),
    ],
)
def test_what_is_refused(cli: Cli, library: Path, arguments: tuple[str, ...], why: str) -> None:
    before = listed(cli)
    done = cli("stations", *arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr
    assert listed(cli) == before


def test_without_a_library_nothing_is_made(cli: Cli, tmp_path: Path) -> None:
    done = cli("stations", "set", "A", "--notes", "x")
    assert done.returncode == 2
    assert "trailcam scan FOLDER" in done.stderr
    assert list((tmp_path / "home").iterdir()) == []
