"""The text of a strip: what is read, and above all what is refused."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trailcam.strip.judge import natural_key
from trailcam.strip.order import contradictions, decide_order
from trailcam.strip.parse import Stamp, find_stamp, find_temperature
from trailcam.strip.records import DateOrder

NOW = datetime(2026, 12, 1)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2026, 11, 30)).map(lambda at: at.replace(microsecond=0))
SEPARATORS = st.sampled_from("-/.")


def stamp(text: str) -> Stamp:
    found = find_stamp(text)
    assert found is not None, text
    return found


@pytest.mark.parametrize(
    ("text", "order", "at"),
    [
        ("270 JASON 024F -04C 01/21/2025 04:16:06", DateOrder.MDY, datetime(2025, 1, 21, 4, 16, 6)),
        ("MOULTRIE MOBILE GG 11/20/24 4:37 PM 50 F", DateOrder.MDY, datetime(2024, 11, 20, 16, 37)),
        ("2016-05-17 9:32:34 PM M 4/5", DateOrder.YMD, datetime(2016, 5, 17, 21, 32, 34)),
        ("Cam11 35°F1°C 03-03-2015 06:10:52", DateOrder.MDY, datetime(2015, 3, 3, 6, 10, 52)),
        ("08/25/2022 11:48AM", DateOrder.MDY, datetime(2022, 8, 25, 11, 48)),
        ("06.13.2013 02:37:37", DateOrder.MDY, datetime(2013, 6, 13, 2, 37, 37)),
        ("5°C 41°F 2024/01/21 15:19:15 0007", DateOrder.YMD, datetime(2024, 1, 21, 15, 19, 15)),
        ("12:05 AM 21 Nov 2024", DateOrder.DMY, datetime(2024, 11, 21, 0, 5)),
        ("NOV 21, 2024 12:05 PM", DateOrder.DMY, datetime(2024, 11, 21, 12, 5)),
        ("05-04-201813:17:28", DateOrder.MDY, datetime(2018, 5, 4, 13, 17, 28)),
        ("11/20/244:37PM", DateOrder.MDY, datetime(2024, 11, 20, 16, 37)),
        ("O1/21/2O25 04:16:O6", DateOrder.MDY, datetime(2025, 1, 21, 4, 16, 6)),
        ("063°F 17°C 05/29/2021 N 03:51:32", DateOrder.MDY, datetime(2021, 5, 29, 3, 51, 32)),
    ],
)
def test_reads_what_cameras_write(text: str, order: DateOrder, at: datetime) -> None:
    assert stamp(text).when(order) == at


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2016-05-17",
        "9:32:34 PM",
        "13/32/2024 10:00:00",  # no date in any order
        "02/30/2024 10:00:00",
        "01/21/2025 24:16:06",
        "01/21/2025 04:61:06",
        "01/21/2025 13:16 PM",  # no hour of a clock with halves
        "01/21/2025 00:16 AM",
        "01/21/2025 04:16 P",  # PM cut short
        "01/21/2025 04:16 PMM 4/5",  # or run into the next word
        "01/21/2025 04:16:6",  # a digit is missing
        "01/21/2025 04:16:066",
        "101/21/2025 04:16:06",
        "01/21-2025 04:16:06",
        "01/21/2025 04:16:06 01/22/2025 04:16:06",  # which?
    ],
)
def test_refuses_what_is_doubtful(text: str) -> None:
    assert find_stamp(text) is None


@given(MOMENTS, SEPARATORS, st.sampled_from(list(DateOrder)), st.booleans(), st.booleans(), st.booleans())
def test_every_way_of_writing_is_read_back(
    at: datetime, sep: str, order: DateOrder, halves: bool, seconds: bool, space: bool
) -> None:
    parts = {"y": f"{at.year}", "m": f"{at.month:02d}", "d": f"{at.day:02d}"}
    date = sep.join(parts[letter] for letter in order.value)
    clock = f"{at.hour % 12 or 12}:{at:%M}" if halves else f"{at:%H:%M}"
    clock += (f"{at:%S}" and f":{at:%S}") if seconds else ""
    clock += (" " if space else "") + f"{at:%p}" if halves else ""
    found = stamp(f"GATE 7  {date} {clock}  M 1/3")
    assert order in found.orders
    assert found.when(order) == (at if seconds else at.replace(second=0))
    assert found.is_12h is halves
    assert found.has_seconds is seconds


@given(st.text(alphabet="0123456789:/-. APMapmCF°JANnov", max_size=40))
@example("1/1/20 1:00")
def test_never_raises_and_never_makes_up_a_date(text: str) -> None:
    found = find_stamp(text)
    find_temperature(text)
    if found is not None:
        assert found.orders
        for order in found.orders:
            at = found.when(order)
            assert at is not None
            assert 2000 <= at.year < 2100


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        ("024F -04C", -4.0),
        ("024F 04C", None),  # the sign was lost: the scales disagree
        ("83°F28°C", 28.0),
        ("-2 °C / 28 °F", -2.0),
        ("50 F", 10.0),
        ("610F", None),
        ("109°F", 42.8),
        ("0007", None),
        ("4:37 PM CAM 3 FOX", None),
    ],
)
def test_temperature(text: str, celsius: float | None) -> None:
    assert find_temperature(text) == celsius


@given(st.integers(-40, 60), st.sampled_from(["{f}°F {c}°C", "{c} °C / {f} °F", "{f:03d}F {c:03d}C"]))
def test_two_scales_that_agree_are_read_as_celsius(celsius: int, form: str) -> None:
    text = form.format(c=celsius, f=round(celsius * 1.8 + 32))
    assert find_temperature(text) == celsius


def stamps(moments: list[datetime], form: str) -> list[Stamp | None]:
    return [stamp(f"{at.strftime(form)} {at:%H:%M:%S}") for at in moments]


def test_a_day_above_12_decides_for_the_whole_camera() -> None:
    days = [datetime(2024, 5, day, 8) for day in (3, 4, 13)]
    for form, order in (("%d/%m/%Y", DateOrder.DMY), ("%m/%d/%Y", DateOrder.MDY)):
        assert decide_order(stamps(days, form), [None] * 3, NOW) is order


def test_exif_decides() -> None:
    days = [datetime(2024, 5, 3, 8), datetime(2024, 5, 4, 8)]
    exif = [days[0] + timedelta(seconds=2), None]
    assert decide_order(stamps(days, "%d/%m/%Y"), exif, NOW) is DateOrder.DMY
    assert decide_order(stamps(days, "%m/%d/%Y"), exif, NOW) is DateOrder.MDY


def test_the_sequence_decides_where_one_order_runs_backwards() -> None:
    days = [datetime(2024, 1, 11, 8), datetime(2024, 1, 12, 8), *(datetime(2024, 2, n, 8) for n in (1, 2, 3))]
    assert decide_order(stamps(days, "%m/%d/%Y"), [None] * 5, NOW) is DateOrder.MDY
    assert decide_order(stamps(days, "%d/%m/%Y"), [None] * 5, NOW) is DateOrder.DMY
    # Two or three names may be in that order by chance.
    assert decide_order(stamps(days[1:4], "%m/%d/%Y"), [None] * 3, NOW) is None


def test_one_day_above_12_of_many_may_be_misread() -> None:
    days = [datetime(2024, 5, 3, hour) for hour in range(11)]
    misread = stamps(days, "%m/%d/%Y") + stamps([datetime(2024, 5, 13, 8)], "%m/%d/%Y")
    assert decide_order(misread, [None] * 12, NOW) is None
    misread += stamps([datetime(2024, 5, 14, 8)], "%m/%d/%Y")
    assert decide_order(misread, [None] * 13, NOW) is DateOrder.MDY


def test_a_year_of_two_digits_is_no_day() -> None:
    days = [datetime(2024, 11, day, 8) for day in (9, 13, 14, 15, 16, 20)]
    for form, order in (
        ("%d/%m/%y", DateOrder.DMY),
        ("%m/%d/%y", DateOrder.MDY),
        ("%y/%m/%d", DateOrder.YMD),
    ):
        assert decide_order(stamps(days, form), [None] * 6, NOW) is order, form


def test_the_future_decides() -> None:
    days = [datetime(2026, 2, 12, 8)]  # or 2 December 2026
    assert decide_order(stamps(days, "%m/%d/%Y"), [None], NOW) is DateOrder.MDY


def test_what_nothing_decides_stays_unknown() -> None:
    days = [datetime(2024, 5, 3, 8), datetime(2024, 5, 4, 8)]
    assert decide_order(stamps(days, "%m/%d/%Y"), [None] * 2, NOW) is None
    both = stamps([datetime(2024, 5, 13)], "%m/%d/%Y") + stamps([datetime(2024, 5, 14)], "%d/%m/%Y")
    assert decide_order(both, [None] * 2, NOW) is None


@given(st.lists(MOMENTS, min_size=1, max_size=30, unique=True), st.sampled_from(["%d.%m.%Y", "%m.%d.%Y"]))
def test_a_decided_order_is_the_right_one(moments: list[datetime], form: str) -> None:
    truth = DateOrder.DMY if form.startswith("%d") else DateOrder.MDY
    assert decide_order(stamps(sorted(moments), form), [None] * len(moments), NOW) in (truth, None)


def test_one_misread_time_is_flagged_and_no_other() -> None:
    times: list[datetime | None] = [datetime(2024, 5, 1) + timedelta(hours=k) for k in range(12)]
    assert contradictions(times, [1.0] * 12) == set()
    times[5] = datetime(2027, 5, 1)
    times[8] = None
    assert contradictions(times, [1.0] * 12) == {5}


def test_a_clock_set_back_flags_none() -> None:
    before = [datetime(2024, 5, 1) + timedelta(hours=k) for k in range(8)]
    after = [datetime(2015, 1, 1) + timedelta(hours=k) for k in range(6)]
    assert contradictions([*before, *after], [1.0] * 14) == set()


def test_photos_in_no_order_flag_none() -> None:
    times = [datetime(2024, 1 + (k * 5) % 12, 1) for k in range(12)]
    assert contradictions(times, [1.0] * 12) == set()


@given(st.lists(MOMENTS, max_size=40).map(sorted))
def test_a_growing_sequence_is_never_flagged(times: list[datetime]) -> None:
    assert contradictions(times, [0.9] * len(times)) == set()


def test_files_sort_as_people_count() -> None:
    names = ["IMG_10.JPG", "img_2.jpg", "IMG_1.JPG", "A.JPG"]
    assert sorted(names, key=natural_key) == ["A.JPG", "IMG_1.JPG", "img_2.jpg", "IMG_10.JPG"]


def test_time_of_day_around_noon_and_midnight() -> None:
    assert stamp("05/13/2024 12:01 AM").at == time(0, 1)
    assert stamp("05/13/2024 12:01 PM").at == time(12, 1)
