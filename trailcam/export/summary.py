"""What an export did, in numbers that can be compared with a report's."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trailcam.domain import Status
from trailcam.store.export_rows import ExportPhoto


@dataclass(slots=True)
class Summary:
    """``photos`` written, with ``boxes`` on them, ``blanks`` and ``failed`` among them.

    ``not_looked_at`` photos are pending or missing without a result. ``notes`` are whole sentences.
    ``problems`` name photos (path, reason) that could not be exported.
    """

    target: Path
    photos: int = 0
    boxes: int = 0
    blanks: int = 0
    failed: int = 0
    not_looked_at: int = 0
    already_there: int = 0
    undated_left_out: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def add(self, photo: ExportPhoto) -> None:
        """Count a photo that was written."""
        self.photos += 1
        self.boxes += len(photo.boxes)
        if not photo.looked_at:
            failed = photo.status is Status.FAILED
            self.failed += failed
            self.not_looked_at += not failed
        elif not photo.boxes:
            self.blanks += 1
