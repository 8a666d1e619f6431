"""What a folder says about its strips: odd formats, lost halves of the day, sequence, EXIF."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.strip.judge import judge
from trailcam.strip.records import DateOrder, RawReading, Reason, StripReading

NOW = datetime(2026, 12, 1)
START = datetime(2024, 11, 14, 5, 30)


def raws(texts: list[str]) -> list[RawReading]:
    return [RawReading(f"IMG_{n:04d}.JPG", text=text, certainty=0.99) for n, text in enumerate(texts, 1)]


def hours(n: int, form: str, step: float = 3.1) -> tuple[list[datetime], list[str]]:
    moments = [(START + timedelta(hours=step * k)).replace(second=0) for k in range(n)]
    return moments, [f"{at:%m/%d/%Y} {at.strftime(form)}" for at in moments]


def verdicts(texts: list[str], order: DateOrder | None = None) -> list[StripReading]:
    return list(judge(raws(texts), NOW, order))


def test_a_clean_folder_is_read_whole() -> None:
    moments, texts = hours(30, "%I:%M %p")
    assert [reading.captured_at for reading in verdicts(texts)] == moments


def test_a_lost_pm_is_no_time_of_day() -> None:
    moments, texts = hours(30, "%I:%M %p")
    for k in (5, 12, 13, 14):  # as many as would make a format of their own
        texts[k] = texts[k][:-3]
    found = verdicts(texts)
    assert [k for k, reading in enumerate(found) if reading.captured_at is None] == [5, 12, 13, 14]
    assert {found[k].reason for k in (5, 12, 13, 14)} == {Reason.ODD_FORMAT}
    assert all(r.captured_at in (None, at) for r, at in zip(found, moments, strict=True))


def test_two_cameras_with_two_clocks_in_one_folder_are_both_read() -> None:
    _, twelve = hours(20, "%I:%M %p")
    _, twentyfour = hours(20, "%H:%M")
    assert {reading.reason for reading in verdicts(twelve + twentyfour)} == {Reason.OK}


def test_where_every_pm_is_lost_no_time_is_trusted() -> None:
    _, texts = hours(30, "%I:%M")
    assert {reading.reason for reading in verdicts(texts)} == {Reason.HALF_UNKNOWN}


def test_a_lost_digit_is_no_date() -> None:
    _, texts = hours(30, "%I:%M %p")
    texts[7] = texts[7].replace("11/1", "1/1", 1)  # November's first digit
    texts[9] = texts[9].replace(" 0", " ", 1)
    found = verdicts(texts)
    assert found[7].reason in (Reason.OUT_OF_ORDER, Reason.ODD_FORMAT)
    assert found[9].reason is Reason.ODD_FORMAT
    assert sum(reading.reason is Reason.OK for reading in found) == 28


def test_without_evidence_of_the_order_the_time_is_unknown_but_a_person_may_know() -> None:
    texts = [f"05/0{day}/2024 10:00:00" for day in (3, 4, 5)]
    assert {reading.reason for reading in verdicts(texts)} == {Reason.ORDER_UNKNOWN}
    told = verdicts(texts, DateOrder.DMY)
    assert [r.captured_at for r in told] == [datetime(2024, month, 5, 10) for month in (3, 4, 5)]


def test_exif_decides_the_order_for_the_photos_without_it() -> None:
    first, *others = raws([f"05/0{day}/2024 10:00:00" for day in (3, 4, 5)])
    witness = RawReading(first.name, datetime(2024, 3, 5, 10, 0, 1), first.text, first.certainty)
    found = list(judge([witness, *others], NOW))
    assert [r.captured_at for r in found] == [datetime(2024, month, 5, 10) for month in (3, 4, 5)]


def test_a_strip_that_contradicts_exif_is_flagged_and_kept() -> None:
    moments, texts = hours(3, "%H:%M:00")
    given = [
        RawReading(raw.name, at + timedelta(hours=1), raw.text, 0.99)
        for raw, at in zip(raws(texts), moments, strict=True)
    ]
    for reading, at in zip(judge(given, NOW), moments, strict=True):
        assert (reading.reason, reading.read_at, reading.captured_at) == (Reason.EXIF_DIFFERS, at, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (RawReading("a", failure=Reason.UNREADABLE_FILE), Reason.UNREADABLE_FILE),
        (RawReading("a"), Reason.NO_STRIP),
        (RawReading("a", text="11/20/2024 4:37 PM", certainty=0.7), Reason.UNSURE),
        (RawReading("a", text="11/20/2029 4:37 PM", certainty=1.0), Reason.IMPOSSIBLE),
    ],
)
def test_what_stays_unknown(raw: RawReading, reason: Reason) -> None:
    order = DateOrder.MDY
    (reading,) = judge([raw], NOW, order)
    assert (reading.reason, reading.captured_at) == (reason, None)


@given(
    st.lists(st.datetimes(datetime(2018, 1, 1), datetime(2026, 11, 1)), min_size=1, max_size=40).map(sorted),
    st.sampled_from(["%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d", "%d-%m-%Y"]),
    st.sampled_from(["%H:%M:%S", "%I:%M:%S %p"]),
)
def test_what_is_read_right_never_becomes_a_wrong_time(
    moments: list[datetime], date: str, clock: str
) -> None:
    moments = [at.replace(microsecond=0) for at in moments]
    for reading, at in zip(
        verdicts([at.strftime(f"{date} {clock}") for at in moments]), moments, strict=True
    ):
        assert reading.captured_at in (at, None)


@given(st.data())
def test_one_misread_digit_in_a_folder_makes_no_other_photo_wrong(data: st.DataObject) -> None:
    moments, texts = hours(25, "%I:%M %p")
    k = data.draw(st.integers(0, 24))
    place = data.draw(st.sampled_from([i for i, letter in enumerate(texts[k]) if letter.isdigit()]))
    digit = data.draw(st.sampled_from("0123456789"))
    texts[k] = texts[k][:place] + digit + texts[k][place + 1 :]
    for n, (reading, at) in enumerate(zip(verdicts(texts), moments, strict=True)):
        assert n == k or reading.captured_at in (at, None)
