"""Coordinates as people write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trailcam.errors import UsageError
from trailcam.words.degrees import Axis, format_degrees, parse_degrees

LAT, LON = Axis.LATITUDE, Axis.LONGITUDE
TENTH = 0.1 / 3600


@pytest.mark.parametrize(
    ("text", "axis", "degrees"),
    [
        ("30°15'23.4\"N", LAT, 30 + 15 / 60 + 23.4 / 3600),
        ("30\u00b0 15\u2032 23.4\u2033 N", LAT, 30 + 15 / 60 + 23.4 / 3600),
        ("30\u00ba15\u201923.4\u201d n", LAT, 30 + 15 / 60 + 23.4 / 3600),
        ("30°15''", LAT, None),
        ("30°15'23.4''S", LAT, -(30 + 15 / 60 + 23.4 / 3600)),
        ("N 30 15.39", LAT, 30 + 15.39 / 60),
        ("97:45:00 W", LON, -97.75),
        ("97°45'W", LON, -97.75),
        ("97° W", LON, -97.0),
        ("-97.75", LON, -97.75),
        ("\u221297.75", LON, -97.75),
        ("-97°45'", LON, -97.75),
        ("+30.2565", LAT, 30.2565),
        ("  0 ", LAT, 0.0),
        ("180", LON, 180.0),
        ("90°00'00\"S", LAT, -90.0),
        *(
            (text, LAT, None)
            for text in ("", "N", "abc", "30,2565", "30.5°15'", "30°60'", "30°15'60\"", "91")
        ),
        *((text, LAT, None) for text in ("30 W", "-30 N", "N 30 N", "90°00'00.1\"", "nan", "inf", "1e1")),
        *((text, LON, None) for text in ("180.1", "97 45 0 N", "3051523", "97 45 0 0", "\u0663\u0660")),
    ],
)
def test_what_people_write(text: str, axis: Axis, degrees: float | None) -> None:
    if degrees is None:
        with pytest.raises(UsageError) as error:
            parse_degrees(text, axis)
        assert axis.label in error.value.message
        assert error.value.hint
    else:
        assert parse_degrees(text, axis) == pytest.approx(degrees, abs=1e-12)


@given(st.sampled_from(Axis), st.floats(-1, 1))
@example(LAT, -1e-9)
@example(LON, 1.0)
@example(LAT, 59.99999 / 60 / 90)
def test_what_is_written_reads_back_to_half_a_tenth_of_a_second(axis: Axis, part: float) -> None:
    value = part * axis.most
    text = format_degrees(value, axis)
    again = parse_degrees(text, axis)
    assert abs(again - value) <= TENTH / 2 + 1e-9
    assert format_degrees(again, axis) == text


@given(st.sampled_from(Axis), st.text(max_size=20))
def test_any_text_is_a_number_in_range_or_refused(axis: Axis, text: str) -> None:
    with contextlib.suppress(UsageError):
        assert abs(parse_degrees(text, axis)) <= axis.most
