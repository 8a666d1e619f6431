from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.errors import UsageError
from trailcam.words.dates import parse_date, parse_until
from trailcam.words.months import DEFAULT_FIRST_MONTH, Season, format_months, parse_months, season_year_of
from trailcam.words.span import parse_duration

RUT = Season("rut", (9, 10, 11, 12, 1))
distinct_months = st.lists(st.integers(1, 12), min_size=1, unique=True).map(tuple)


@pytest.mark.parametrize(
    ("text", "months"),
    [
        ("9-1", (9, 10, 11, 12, 1)),
        ("9,10,11", (9, 10, 11)),
        ("sep-jan", (9, 10, 11, 12, 1)),
        ("September-January", (9, 10, 11, 12, 1)),
        ("SEPT - Janu", (9, 10, 11, 12, 1)),
        ("9-11,jan", (9, 10, 11, 1)),
        (" 9 - 11 , 1 ", (9, 10, 11, 1)),
        ("9\N{EN DASH}11", (9, 10, 11)),
        ("9,9,10,9-11", (9, 10, 11)),
        ("1,12,1", (1, 12)),
        ("5-5", (5,)),
        ("09", (9,)),
        ("may", (5,)),
        ("9-8", (9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8)),
        ("1-12", tuple(range(1, 13))),
    ],
)
def test_parse_months(text: str, months: tuple[int, ...]) -> None:
    assert parse_months(text) == months


BAD_MONTHS = ["13", "0", "00", "9-", "-3", "", " ", ",", "9,", "a-b", "9--1", "9-10-11", "9 10", "ma", "9.5"]


@pytest.mark.parametrize("text", [*BAD_MONTHS, "+9", "\u0669", "septembers", "100", "1-13", "\x1b[2J"])
def test_bad_months_are_usage_errors_that_show_the_forms(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_months(text)
    assert "9-1" in caught.value.hint
    assert "sep-jan" in caught.value.hint
    assert "\x1b" not in caught.value.message


def test_the_message_names_what_is_wrong() -> None:
    with pytest.raises(UsageError, match="no month 13"):
        parse_months("9,13")


@given(st.text(st.sampled_from("0123456789-, abcejnopstx\N{EN DASH}\x00"), max_size=12) | st.text(max_size=8))
def test_any_text_is_months_or_a_usage_error(text: str) -> None:
    try:
        months = parse_months(text)
    except UsageError:
        return
    assert months
    assert len(set(months)) == len(months)
    assert set(months) <= set(range(1, 13))


@pytest.mark.parametrize(
    ("months", "text"),
    [
        ((9, 10, 11, 12, 1), "Sep-Jan"),
        ((9, 11, 12), "Sep, Nov-Dec"),
        ((5,), "May"),
        ((), ""),
        ((3, 1), "Mar, Jan"),
    ],
)
def test_format_months(months: tuple[int, ...], text: str) -> None:
    assert format_months(months) == text


@given(distinct_months)
def test_formatted_months_read_back(months: tuple[int, ...]) -> None:
    assert parse_months(format_months(months)) == months


@given(st.integers(1, 12), st.integers(1, 12))
def test_a_range_is_every_month_from_first_to_last(first: int, last: int) -> None:
    months = parse_months(f"{first}-{last}")
    assert (months[0], months[-1]) == (first, last)
    assert all(after == before % 12 + 1 for before, after in pairwise(months))


@pytest.mark.parametrize(
    ("day", "season_year"),
    [
        (date(2024, 9, 1), "2024-25"),
        (date(2024, 12, 31), "2024-25"),
        (date(2025, 1, 31), "2024-25"),
        (date(2025, 8, 31), "2024-25"),
        (date(2025, 9, 1), "2025-26"),
        (date(2099, 10, 1), "2099-00"),
        (date(2000, 1, 1), "1999-00"),
    ],
)
def test_season_year_of_a_season_that_wraps(day: date, season_year: str) -> None:
    for first_month in (RUT.year_begins, DEFAULT_FIRST_MONTH):
        assert season_year_of(day.year, day.month, first_month) == season_year


def test_season_year_of_a_season_inside_one_year() -> None:
    spring = Season("spring", (3, 4, 5))
    assert not spring.wraps
    assert season_year_of(2024, 4, spring.year_begins) == "2024"
    assert season_year_of(2025, 1, spring.year_begins) == "2025"


def test_the_rut_wraps_the_year() -> None:
    assert RUT.wraps
    assert RUT.first_month == 9 == DEFAULT_FIRST_MONTH


@pytest.mark.parametrize("months", [(), (0,), (13,), (9, 9)])
def test_a_season_refuses_months_that_are_none(months: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="distinct months"):
        Season("odd", months)


@given(st.integers(2, 9997), st.integers(1, 12))
def test_every_season_year_holds_twelve_months_in_a_row(year: int, first_month: int) -> None:
    grid = [(y, m) for y in range(year - 1, year + 3) for m in range(1, 13)]
    names = [season_year_of(y, m, first_month) for y, m in grid]
    changes = [grid[i] for i in range(1, len(grid)) if names[i] != names[i - 1]]
    assert all(month == first_month for _, month in changes)
    assert max(Counter(names).values()) == 12
    assert len(changes) == len(set(names)) - 1  # no name comes back once it is over


@given(distinct_months, st.integers(1, 9998))
def test_the_months_of_one_season_share_their_season_year(months: tuple[int, ...], year: int) -> None:
    season = Season("any", months)
    ran = [date(year + (season.wraps and month < months[0]), month, 15) for month in months]
    assert len({season_year_of(day.year, day.month, season.year_begins) for day in ran}) == 1


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("30m", timedelta(minutes=30)),
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("1H 30M", timedelta(minutes=90)),
        ("1d", timedelta(days=1)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("0.5s", timedelta(milliseconds=500)),
        ("1m2.25s", timedelta(seconds=62.25)),
    ],
)
def test_parse_duration(text: str, span: timedelta) -> None:
    assert parse_duration(text) == span


@pytest.mark.parametrize(
    "text",
    [
        "45",
        "",
        "0m",
        "0s",
        "0.0s",
        ".5s",
        "1.s",
        "-5m",
        "m",
        "30",
        "1.5h",
        "30x",
        "m30",
        "30m1h",
        "9" * 30 + "d",
        "9" * 5000 + "d",
    ],
)
def test_bad_durations_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert "30m" in caught.value.hint


def test_a_bare_number_is_told_to_lack_a_unit() -> None:
    with pytest.raises(UsageError, match="no unit"):
        parse_duration("45")


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2024-11-03", "2024-11-03T00:00:00", "2024-11-03T23:59:59.999999"),
        ("2024-11-03T17:15", "2024-11-03T17:15:00", "2024-11-03T17:15:59.999999"),
        ("2024-11-03 17:15:09", "2024-11-03T17:15:09", "2024-11-03T17:15:09.999999"),
        ("2024-11", "2024-11-01T00:00:00", "2024-11-30T23:59:59.999999"),
        ("2024-02", "2024-02-01T00:00:00", "2024-02-29T23:59:59.999999"),
        (" 2023 ", "2023-01-01T00:00:00", "2023-12-31T23:59:59.999999"),
        ("9999-12", "9999-12-01T00:00:00", "9999-12-31T23:59:59.999999"),
    ],
)
def test_dates_are_inclusive_on_both_sides(text: str, since: str, until: str) -> None:
    assert parse_date(text) == datetime.fromisoformat(since)
    assert parse_until(text) == datetime.fromisoformat(until)


BAD_DATES = [
    "",
    "yesterday",
    "2024-13",
    "2024-00",
    "2024-02-30",
    "2024-11-3",
    "24-11-03",
    "11/03/2024",
    "0000-01",
]
BAD_TIMES = ["2024-11-03T25:00", "2024-11-03T17", "2024-11-03T17:15Z", "2024-11-03T17:15+01:00"]


@pytest.mark.parametrize("text", [*BAD_DATES, *BAD_TIMES, "\uff12024"])
def test_bad_dates_are_usage_errors(text: str) -> None:
    for parse in (parse_date, parse_until):
        with pytest.raises(UsageError) as caught:
            parse(text)
        assert "2024-11-03" in caught.value.hint


@given(st.text(st.sampled_from("0123456789-T: /"), max_size=20))
def test_any_text_is_a_date_or_a_usage_error(text: str) -> None:
    try:
        since = parse_date(text)
    except UsageError:
        return
    assert since <= parse_until(text)
    assert since.tzinfo is None
