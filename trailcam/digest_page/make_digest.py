"""A digest -> an HTML page with its pictures inside, or a mail message with text, page and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from trailcam.errors import UsageError
from trailcam.pages.pictures import Cache, Pictures, Request, make_pictures
from trailcam.pages.shown import encoded
from trailcam.reports.base import Report
from trailcam.reports.common import Question
from trailcam.reports.report_page import Picture, to_html
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection
from trailcam.store.gallery_rows import framed
from trailcam.store.images import roots
from trailcam.store.paths import from_db
from trailcam.store.select import select
from trailcam.words.text import printable


@dataclass(frozen=True, slots=True)
class Thumb:
    """A small JPEG of what is new, and what it shows."""

    jpeg: bytes
    caption: str


def thumbs(
    db: Connection, question: Question, photos: Sequence[tuple[int, str]], cache: Cache | None
) -> list[Thumb]:
    """A picture of each of ``photos`` (number, caption), cut around what counts; none of a lost file."""
    with select(db, question.selection) as chosen, count_boxes(chosen, question.confidence) as counted:
        found = {row["image_id"]: row for row in framed(counted, [number for number, _ in photos])}
    folders = {root.root_id: Path(root.path) for root in roots(db)}
    wanted = [(found[number], caption) for number, caption in photos if number in found]
    requests = [
        Request(
            folders[row["root_id"]] / from_db(row["path"]),
            None,
            show=(row["x"], row["y"], row["w"], row["h"]),
            at_s=row["frame_s"] or 0.0,
        )
        for row, _ in wanted
    ]
    made = make_pictures(requests, cache, lambda done, total: None)
    return [
        Thumb(picture.thumb, caption)
        for picture, (_, caption) in zip(made, wanted, strict=True)
        if isinstance(picture, Pictures)
    ]


def digest_page(report: Report, shown: Sequence[Thumb]) -> bytes:
    """The page as a file, its pictures inside."""
    pictures = [Picture(f"data:image/jpeg;base64,{encoded(t.jpeg)}", t.caption) for t in shown]
    return to_html(report, pictures).encode()


def digest_mail(report: Report, text: str, shown: Sequence[Thumb], to: Sequence[str]) -> bytes:
    """A message to ``to`` that ``sendmail -t`` takes. Raises UsageError for an address that is none.

    Text, and a page whose pictures are parts of the message: mail programs show these and no data: address.
    """
    mail = EmailMessage()
    try:
        mail["To"] = ", ".join(to)
    except (ValueError, IndexError, HeaderParseError):
        raise UsageError(
            f"{printable(', '.join(to))} is no mail address.", "Write --to ann@example.org"
        ) from None
    mail["Subject"] = report.headline.partition("\n")[0].rstrip(".")
    mail["Date"] = formatdate(localtime=True)
    mail["Message-ID"] = make_msgid(domain="trailcam.invalid")
    mail.set_content(text)
    names = [make_msgid(domain="trailcam.invalid") for _ in shown]
    pictures = [Picture(f"cid:{n[1:-1]}", t.caption) for n, t in zip(names, shown, strict=True)]
    mail.add_alternative(to_html(report, pictures), subtype="html")
    page = mail.get_payload()[1]  # type: ignore[index]  # of a message that has alternatives
    for name, one in zip(names, shown, strict=True):
        page.add_related(one.jpeg, "image", "jpeg", cid=name, disposition="inline")  # type: ignore[union-attr]
    return mail.as_bytes()
