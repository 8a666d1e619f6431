"""manifest.csv and distribution.csv of a folder of crops, kept over several runs.

Rows go to a draft as the files are written, so memory doesn't grow with them but by a number each.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from trailcam.files.target import inside, whole_file

_BY = ("season", "month", "station", "folder")


class Manifest:
    """Collects rows inside a ``with`` block; leaving it, even by an error, writes both files into ``target``.

    A row replaces that of an earlier run about the same file; rows about other files stay. ``columns`` has
    file, season, captured_at, station and folder among others. Raises OutputError.
    """

    def __init__(self, target: Path, columns: Sequence[str]) -> None:
        self._target = target
        self._columns = columns
        self._files: set[int] = set()
        self._tally: Counter[tuple[str, ...]] = Counter()

    def __enter__(self) -> Manifest:
        self._draft = tempfile.TemporaryFile("w+", encoding="utf-8", errors="backslashreplace", newline="")
        self._writer = _writer(self._draft, self._columns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._draft:
            self._draft.seek(0)
            self._write(csv.DictReader(self._draft, self._columns))

    def add(self, row: Mapping[str, Any]) -> None:
        """Note one file that is there."""
        self._files.add(hash(row["file"]))
        self._writer.writerow(row)

    def by_season(self) -> list[dict[str, Any]]:
        """The files by season and folder, of all in the manifest; after the block."""
        coarse: Counter[tuple[str, str]] = Counter()
        for (season, _, _, folder), files in self._tally.items():
            coarse[season or "undated", folder] += files
        return [{"season": s, "folder": f, "files": n} for (s, f), n in sorted(coarse.items())]

    def _write(self, rows: Iterable[dict[str, Any]]) -> None:
        with whole_file(inside(self._target, "manifest.csv")) as binary:
            text = io.TextIOWrapper(binary, "utf-8", "backslashreplace", newline="")
            writer = _writer(text, self._columns)
            writer.writeheader()
            for source in (self._kept(), rows):
                for row in source:
                    self._tally[row["season"], row["captured_at"][:7], row["station"], row["folder"]] += 1
                    writer.writerow(row)
            text.flush()
            text.detach()
        with whole_file(inside(self._target, "distribution.csv")) as binary:
            table = io.StringIO()
            writer = _writer(table, (*_BY, "files"))
            writer.writeheader()
            writer.writerows(
                {**dict(zip(_BY, key, strict=True)), "files": n} for key, n in sorted(self._tally.items())
            )
            binary.write(table.getvalue().encode("utf-8", "backslashreplace"))

    def _kept(self) -> Iterator[dict[str, Any]]:
        """What an earlier run says of files that this one didn't come to."""
        path = self._target / "manifest.csv"
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file):
                    complete = {name: row.get(name) or "" for name in self._columns}
                    if hash(complete["file"]) not in self._files:
                        yield complete


def _writer(file: Any, names: Sequence[str]) -> csv.DictWriter[str]:  # noqa: ANN401 - whatever has write()
    return csv.DictWriter(file, names, extrasaction="ignore", lineterminator="\n")
