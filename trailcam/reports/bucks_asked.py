"""``report bucks``: by age class and the like, by name, or one buck."""

from __future__ import annotations

from collections.abc import Sequence

from trailcam.errors import UsageError
from trailcam.reports.base import Report
from trailcam.reports.buck_parts import PARTS, buck_report
from trailcam.reports.bucks import DEFAULT_BY
from trailcam.reports.common import Question
from trailcam.reports.named_bucks import NAME, by_name, one_buck
from trailcam.store.database import Connection


def report_bucks(
    db: Connection,
    question: Question,
    *,
    name: str | None = None,
    by: Sequence[str] = (),
    parts: Sequence[str] | None = None,
    one_table: bool = False,
) -> Report:
    """``buck_report``, or with ``name`` or the key name what people's names tell. Raises UsageError.

    Without ``parts`` it begins with a first screen and has all of them. Names take no ``parts``; with
    ``one_table`` only their rows are written.
    """
    if name is None and NAME not in by:
        screen = parts is None
        asked = PARTS if parts is None else parts
        return buck_report(db, question, by=by or DEFAULT_BY, parts=asked, one_table=one_table, screen=screen)
    if name is not None and by:
        raise UsageError("--by doesn't go with the name of a buck.", "Its seasons stand beside each other.")
    if parts is not None and tuple(parts) not in (tuple(PARTS), PARTS[:1]):
        raise UsageError("--part doesn't go with names.", "Leave it out.")
    return one_buck(db, question, name) if name is not None else by_name(db, question, by)
