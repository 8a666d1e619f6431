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
