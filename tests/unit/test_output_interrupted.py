"""Ctrl-C at every line of writing a file: the old one stays or the new one is whole, and no draft is left."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from trailcam.files import target as export_target
from trailcam.files import write as output

FILES = {output.__file__, export_target.__file__}


def interrupted_at(line: int, work: Callable[[], None]) -> bool:
    """Run ``work``, with a KeyboardInterrupt before its ``line``-th line in those modules if it has one."""
    left = line

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:  # noqa: ANN401 - as sys.settrace has it
        nonlocal left
        if frame.f_code.co_filename not in FILES:
            return None
        if event == "line":
            left -= 1
            if not left:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def stream(path: Path) -> None:
    with export_target.whole_file(path) as file:
        file.write(b"new")


def beside(path: Path) -> None:
    with export_target.draft_beside(path) as (draft, folder):
        (folder / "more").write_bytes(b"meanwhile")
        draft.write_bytes(b"new")


def at_once(path: Path) -> None:
    output.write_file(path, b"new")


@pytest.mark.parametrize("write", [at_once, stream, beside])
def test_nothing_is_left_whenever_it_is_interrupted(write: Callable[[Path], None], tmp_path: Path) -> None:
    path, line = tmp_path / "boxes.csv", 0
    while True:
        path.write_bytes(b"old")
        line += 1
        struck = interrupted_at(line, lambda: write(path))
        assert [file.name for file in tmp_path.iterdir()] == ["boxes.csv"], f"interrupted at line {line}"
        assert path.read_bytes() in (b"old", b"new")
        if not struck:
            break
    assert line > 8
    assert path.read_bytes() == b"new"


def test_an_error_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "boxes.csv"
    with contextlib.suppress(ZeroDivisionError), export_target.whole_file(path) as file:
        file.write(b"half")
        raise ZeroDivisionError
    assert not list(tmp_path.iterdir())
