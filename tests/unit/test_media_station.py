from __future__ import annotations

import pickle
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.errors import UsageError
from trailcam.media.station import NO_STATION, StationRule

FOLDER = StationRule.parse("folder")


@pytest.mark.parametrize(
    ("path", "station"),
    [
        ("Hayfield/a.jpg", "Hayfield"),
        ("Hayfield/DCIM/100RECNX/a.jpg", "Hayfield"),
        ("DCIM/100RECNX/Hayfield/a.jpg", "Hayfield"),
        ("dcim/100_btcf/Hayfield/a.jpg", "Hayfield"),
        ("Phils Secret Spot/2024/a.jpg", "Phils Secret Spot"),
        ("270_Jason/a.jpg", "270_Jason"),
        ("270Jason/a.jpg", "270Jason"),
        ("270JASON/DCIM/100RECNX/a.jpg", "270JASON"),
        ("270JASON/100RECNX/a.jpg", "270JASON"),
        ("Private/a.jpg", "Private"),
        ("1000ACRES/a.jpg", "1000ACRES"),
        ("099MEDIA/a.jpg", "099MEDIA"),
        ("a.jpg", NO_STATION),
        ("DCIM/a.jpg", NO_STATION),
        ("100RECNX/101RECNX/a.jpg", NO_STATION),
        *(
            (f"{name}/a.jpg", NO_STATION)
            for name in ("100RECNX", "100_BTCF", "100MEDIA", "100EK113", "100BMCIM")
        ),
        *((f"{name}/a.jpg", NO_STATION) for name in ("MFDC", "101_PANA", "PRIVATE", "100recnx")),
    ],
)
def test_first_folder_that_is_no_camera_folder(path: str, station: str) -> None:
    assert FOLDER.station(path) == station


def test_names_are_normalised_and_cleaned() -> None:
    decomposed = unicodedata.normalize("NFD", "Höhe")
    assert decomposed != "Höhe"
    assert FOLDER.station(f"{decomposed}/a.jpg") == "Höhe"
    assert FOLDER.station("Hay\x1b[31mfield\n/a.jpg") == "Hay[31mfield"
    assert FOLDER.station("\x07/a.jpg") == NO_STATION
    assert FOLDER.station("caf\udce9/a.jpg") != FOLDER.station("caf\udce8/a.jpg")


def test_expressions() -> None:
    assert StationRule.parse(r"site_(\w+?)_").station("x/site_A12_b.jpg") == "A12"
    named = StationRule.parse(r"(\d+)/(?P<station>[^/]+)/")
    assert named.station("2024/Höhe/a.jpg") == "Höhe"
    assert named.station("nothing.jpg") == NO_STATION
    assert StationRule.parse(r"a|(b)").station("a.jpg") == NO_STATION
    assert StationRule.parse("Folder") == FOLDER


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("(abc", "at character 1"),
        ("ab[", "at character 3"),
        ("abc", "0 groups"),
        ("(a)(b)", "2 groups"),
        ("", "empty"),
        (" ", "empty"),
    ],
)
def test_bad_expressions_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        StationRule.parse(text)
    assert says in raised.value.message
    assert "(?P<station>" in raised.value.hint


def test_rules_travel_to_other_processes() -> None:
    rule = StationRule.parse(r"^([^/]+)/")
    assert pickle.loads(pickle.dumps(rule)) == rule


@given(st.text(alphabet=st.characters(), max_size=30))
def test_any_path_gives_a_name_that_can_be_stored(path: str) -> None:
    name = FOLDER.station(path)
    assert name
    assert name.encode()  # no lone surrogate
    assert not any(unicodedata.category(character) == "Cc" for character in name)


CARD_FOLDERS = (
    "DCIM",
    "dcim",
    "100EK113",
    "100_BTCF",
    "101RECNX",
    "MISC",
    "EK000001",
    "100APPLE",
    "202311__",
)
COPIES = (
    *(
        "{} (2)",
        "{}(1)",
        "{} - Copy",
        "{} - Copy (3)",
        "{} copy",
        "{} copy 2",
        "{} 2",
        "{}_1",
        "{}.2",
        "{}-3",
    ),
    *("{}.bak", "{}_old", "{} backup", "{} - Kopie", "{} - Copie (2)", "Copy of {}", "Copy (2) of {}"),
    *("Kopie von {}", "{} (1) (1)", "{} - Copy - Copy", "{}.bak (2)"),
    *("{} (copy)", "{} (another copy)", "{} (3rd copy)", "{} (copia)", "{} (2ª cópia)"),
)


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("folder", CARD_FOLDERS)
def test_a_copied_card_folder_is_no_station(folder: str, copy: str) -> None:
    name = copy.format(folder)
    for path in (f"{name}/a.jpg", f"DCIM - Copy/{name}/a.jpg", f"New folder (2)/{name}/a.jpg"):
        assert FOLDER.station(path) == NO_STATION, path
    assert FOLDER.station(f"Hayfield/{name}/a.jpg") == "Hayfield"
    assert FOLDER.station(f"{name}/Hayfield/a.jpg") == "Hayfield"


@pytest.mark.parametrize(
    "name",
    ["New folder", "new folder", "New Folder (3)", "untitled folder 2", "Neuer Ordner", "photos", "Pictures"],
)
def test_a_folder_that_nobody_named_is_no_station(name: str) -> None:
    assert FOLDER.station(f"{name}/a.jpg") == NO_STATION
    assert FOLDER.station(f"DCIM/100EK113/{name}/a.jpg") == NO_STATION
    assert FOLDER.station(f"{name}/Gate/a.jpg") == "Gate"


@pytest.mark.parametrize(
    "name",
    [
        "Gate 2",
        "Creek (2)",
        "Camp_1",
        "North copy",
        "Pond 12",
        "DC 7",
        "270_Jason",
        "12",
        "2023",
        "A1",
        "Miscanthus",
    ],
)
def test_a_station_keeps_the_name_that_a_person_gave(name: str) -> None:
    assert FOLDER.station(f"{name}/DCIM (2)/100EK113 - Copy/a.jpg") == name


def test_names_inside_a_library_of_photos_are_no_stations() -> None:
    assert FOLDER.station("Photos Library.photoslibrary/originals/0/0AB.jpeg") == NO_STATION
    assert FOLDER.station("Gate/My.photoslibrary/originals/0/0AB.jpeg") == "Gate"
