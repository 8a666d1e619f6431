"""What a CSV file says of stations."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from trailcam.errors import UsageError
from trailcam.imports.stations_csv import read_stations

GOOD = [
    "Oak,30.25,-97.75,America/Chicago,by the creek",
    "Elm,,,America/Denver,",
    'Ash,"30°15\'0""N",97 45 0 W,,',
]
HEAD = "station,latitude,longitude,timezone,notes"


def write(folder: Path, *lines: str) -> Path:
    path = folder / "stations.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_the_order_of_lines_is_nothing(tmp_path: Path) -> None:
    expected = {
        "Oak": {
            "latitude": 30.25,
            "longitude": -97.75,
            "timezone": "America/Chicago",
            "notes": "by the creek",
        },
        "Elm": {"timezone": "America/Denver"},
        "Ash": {"latitude": 30.25, "longitude": -97.75},
    }
    for lines in itertools.permutations([*GOOD, GOOD[0]]):
        assert read_stations(write(tmp_path, HEAD, *lines)) == expected


def test_a_spreadsheets_file(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(
        "\ufeffName;Lat;Lon;Time zone;Notes\r\nOak;30.25;-97.75;America/Chicago;'=x\r\n\r\n;;;;\r\n".encode()
    )
    assert read_stations(path)["Oak"]["notes"] == "=x"


TABLE = "station,latitude,longitude\nOak,30.25,-97.75\n"


@pytest.mark.parametrize(
    "data",
    [
        TABLE.encode("utf-16"),
        TABLE.replace(",", "\t").encode("utf-16"),  # Excel's "Unicode text"
        TABLE.replace(",", "\t").encode(),
        ("sep=;\r\n" + TABLE.replace(",", ";")).encode(),
        ("\ufeffsep=,\n" + TABLE).encode(),
        ("\n \n" + TABLE).encode(),
        TABLE.replace("\n", "\r").encode(),
    ],
)
def test_what_excel_writes_under_the_name_of_csv(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(data)
    assert read_stations(path) == {"Oak": {"latitude": 30.25, "longitude": -97.75}}


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04" + bytes(50), "is a workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is a workbook"),
        (TABLE.encode("utf-16-le"), "is not UTF-8 text"),
        (TABLE.replace("Oak", "Ch\xeane").encode("cp1252"), "is not UTF-8 text"),
    ],
)
def test_what_is_no_csv_is_called_what_it_is(tmp_path: Path, data: bytes, why: str) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match=why):
        read_stations(path)


def test_lines_are_counted_from_the_top_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 4"):
        read_stations(write(tmp_path, "sep=,", "", HEAD, "Oak,91,0,,"))


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([HEAD], "names no station"),
        ([], "doesn't begin with a line that names its columns"),
        (["station,latitud", "Oak,3"], 'Did you mean "latitude"'),
        (["latitude,longitude", "3,3"], "doesn't begin with"),
        (["station,name,notes", "a,b,c"], "each once"),
        ([HEAD, "Oak,30,,,"], "line 2: A latitude or a longitude"),
        ([HEAD, "", "Oak,91,0,,"], "line 3"),
        ([HEAD, "Oak,,,America/Chigaco,"], 'Did you mean "America/Chicago"'),
        ([HEAD, ",30,30,,"], "no station is named"),
        ([HEAD, "Oak,,,,a,b"], "more cells than columns"),
        ([HEAD, "Oak,,,,a", "Oak,,,,b"], "contradicts a line above about the notes of Oak"),
        ([HEAD, 'Oak,,,,"a'], "is not CSV"),
    ],
)
def test_what_is_refused(tmp_path: Path, lines: list[str], why: str) -> None:
    with pytest.raises(UsageError) as error:
        read_stations(write(tmp_path, *lines))
    assert why in f"{error.value.message} {error.value.hint}"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", tmp_path / "a\0b"):
        with pytest.raises(UsageError, match="Cannot read"):
            read_stations(path)
    (tmp_path / "latin.csv").write_bytes(b"station,notes\nOak,\xe9\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        read_stations(tmp_path / "latin.csv")
