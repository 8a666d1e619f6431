from __future__ import annotations

import os

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trailcam.store.paths import from_db, to_db

# Every string that Python can make of a file name, except for the private characters that trailcam claims.
names = st.text(st.characters(exclude_characters="\0")).filter(lambda text: from_db(text) == text)


@given(names)
def test_any_name_comes_back(name: str) -> None:
    stored = to_db(name)
    stored.encode("utf-8")  # what DuckDB does with it
    assert from_db(stored) == name


@given(st.binary(max_size=40))
def test_any_bytes_come_back(name: bytes) -> None:
    assert os.fsencode(from_db(to_db(os.fsdecode(name)))) == name


@given(names, names)
def test_different_names_stay_different(a: str, b: str) -> None:
    assert (to_db(a) == to_db(b)) == (a == b)


@pytest.mark.parametrize("name", ["a/\udcff.jpg", "\ud800.jpg", "\udfff", "é\n.jpg", "𐀀.jpg", "\udc00\udbff"])
def test_duckdb_keeps_them(name: str) -> None:
    with duckdb.connect() as db:
        ((kept,),) = db.execute("SELECT ?::VARCHAR", [to_db(name)]).fetchall()
    assert from_db(kept) == name
