from __future__ import annotations

import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.words.text import count, printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain name.jpg", "plain name.jpg"),
        ("Rehe im Wald, 鹿, 🦌.jpg", "Rehe im Wald, 鹿, 🦌.jpg"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("two\nlines\tand\x00\x7f", r"two\x0alines\x09and\x00\x7f"),
        ("\x9b2J", r"\x9b2J"),  # C1: the eight-bit form of ESC [
        ("exe\u202egpj.", r"exe\u202egpj."),
        ("a\u2028b\u2066c", r"a\u2028b\u2066c"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_printable_shows_what_is_unsafe_as_escapes(raw: str, shown: str) -> None:
    assert printable(raw) == shown


def test_bytes_that_are_not_utf8_show_as_those_bytes() -> None:
    assert printable(os.fsdecode(b"caf\xe9.jpg")) == r"caf\xe9.jpg"


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_printable_is_safe_encodable_and_changes_nothing_twice(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in shown)
    assert not set(shown) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert printable(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_printable_leaves_letters_marks_and_symbols_alone(text: str) -> None:
    assert printable(text) == text


@given(st.binary())
def test_printable_shows_any_file_name(raw: bytes) -> None:
    shown = printable(raw.decode("utf-8", "surrogateescape"))
    assert "\udc80" not in shown
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("n", "noun", "expected"),
    [
        (0, "photo", "0 photos"),
        (1, "photo", "1 photo"),
        (35251, "photo", "35,251 photos"),
        (2, "box", "2 boxes"),
        (3, "class", "3 classes"),
        (1, "class", "1 class"),
    ],
)
def test_count(n: int, noun: str, expected: str) -> None:
    assert count(n, noun) == expected


def test_count_takes_a_plural_of_its_own() -> None:
    assert count(2, "deer", "deer") == "2 deer"
    assert count(1, "deer", "deer") == "1 deer"
