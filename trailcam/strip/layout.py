"""Where a camera writes what: found once per camera from a few photos, then only looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from trailcam.strip.glyphs import Glyphs
from trailcam.strip.ocr import Box, Gray, Line, Ocr, crop, join
from trailcam.strip.parse import TEMPERATURE, Stamp, find_stamp, find_temperature
from trailcam.strip.pixels import Bands

SIDES = ("bottom", "top")
_WIDTHS = (960, 1600)  # px that a band is scaled to: small print is looked for where no larger is found


@dataclass(frozen=True, slots=True)
class Row:
    """The lines of one row of a band, joined: text, probabilities and x positions in the band's pixels.

    ``parts`` are the lines as found: each one's place in the text, and its box.
    """

    side: str
    text: str
    probabilities: tuple[float, ...]
    centres: tuple[float, ...]
    parts: tuple[tuple[int, int, Box], ...]


@dataclass(frozen=True, slots=True)
class LinePlace:
    """A part of a band that holds one line; ``step`` is the distance of its characters in px."""

    side: str
    box: Box
    step: float

    def cut(self, bands: Bands) -> Gray:
        """Its pixels."""
        return crop(bands.side(self.side), self.box)


@dataclass(frozen=True, slots=True)
class FoundStrip:
    """A photo's strip as found without knowing the camera.

    ``certainty`` is the probability (0..1) of the weakest character of the stamp.
    """

    place: LinePlace
    stamp: Stamp
    certainty: float
    text: str
    temperature_c: float | None
    temperature: LinePlace | None


@dataclass(slots=True)
class Layout:
    """One camera's strip: the places of stamp and temperature in photos of ``size``, its digits."""

    size: tuple[int, int]
    place: LinePlace
    shape: str
    temperature: LinePlace | None = None
    glyphs: Glyphs = field(default_factory=Glyphs)
    temperature_glyphs: Glyphs = field(default_factory=Glyphs)

    @property
    def label(self) -> str:
        """The photo's size, the edge, and the stamp's place in that edge's band in px."""
        b = self.place.box
        return f"{self.size[0]}x{self.size[1]} {self.place.side} {b.x0},{b.y0}-{b.x1},{b.y1}"


def find_strip(bands: Bands, ocr: Ocr) -> FoundStrip | None:
    """Look for all text at both edges; None where there is no date with a time."""
    for width in _WIDTHS:
        rows = [row for side in SIDES for row in _rows(bands, side, ocr, width)]
        stamped = [(row, stamp) for row in rows if (stamp := find_stamp(row.text)) is not None]
        if stamped:
            break
    else:
        return None
    row, stamp = max(stamped, key=lambda pair: certainty(pair[0].text, pair[0].probabilities, pair[1].span))
    temperature_c, place = None, None
    for other in rows:
        rest = _without(other.text, stamp.span) if other is row else other.text
        if (value := find_temperature(rest)) is not None and temperature_c is None:
            temperature_c = value
            found = list(TEMPERATURE.finditer(rest))
            start = found[0].start("sign") if found[0]["sign"] else found[0].start("value")
            place = _place(other, (start, found[-1].end()), spare=1.0)
    where = _place(row, stamp.span, spare=1.0 if stamp.is_12h else 0.0)
    text, sure = row.text[slice(*stamp.span)], certainty(row.text, row.probabilities, stamp.span)
    again = ocr.read(where.cut(bands), where.step)
    second = find_stamp(again.text)
    if second is not None and (better := certainty(again.text, again.probabilities, second.span)) > sure:
        stamp, text, sure = second, again.text[slice(*second.span)], better
    return FoundStrip(where, stamp, sure, text, temperature_c, place)


def learn_layouts(found: Sequence[tuple[tuple[int, int], FoundStrip]]) -> list[Layout]:
    """The layouts behind strips found in photos of the given sizes, the most frequent first."""
    groups: list[list[tuple[tuple[int, int], FoundStrip]]] = []
    for size, one in found:
        for group in groups:
            if group[0][0] == size and _same_place(group[0][1], one):
                group.append((size, one))
                break
        else:
            groups.append([(size, one)])
    layouts = []
    for group in sorted(groups, key=len, reverse=True):
        members = [one for _, one in group]
        places = [one.temperature for one in members if one.temperature]
        layout = Layout(group[0][0], _join([one.place for one in members]), members[0].stamp.shape)
        if len(places) >= len(members) / 2 and len({place.side for place in places}) == 1:
            layout.temperature = _join(places)
        layouts.append(layout)
    return layouts


def certainty(text: str, probabilities: Sequence[float], span: tuple[int, int]) -> float:
    """Probability of the weakest character of ``text[span]``; a space more or less changes nothing."""
    return min((probabilities[i] for i in range(*span) if text[i] != " "), default=0.0)


def _rows(bands: Bands, side: str, ocr: Ocr, width: int) -> list[Row]:
    band = bands.side(side)
    rows: list[list[Box]] = []
    for box in ocr.find(band, width):
        for row in rows:
            last = row[-1]
            overlap = min(last.y1, box.y1) - max(last.y0, box.y0)
            if overlap > 0.6 * min(last.height, box.height) and max(last.height, box.height) < 2.2 * min(
                last.height, box.height
            ):
                row.append(box)
                break
        else:
            rows.append([box])
    return [_join_row(side, row, [ocr.read(crop(band, box)) for box in row]) for row in rows]


def _join_row(side: str, boxes: Sequence[Box], lines: Sequence[Line]) -> Row:
    text = ""
    probabilities: list[float] = []
    centres: list[float] = []
    parts: list[tuple[int, int, Box]] = []
    for box, line in zip(boxes, lines, strict=True):
        if text:
            text += " "
            probabilities.append(1.0)
            centres.append((parts[-1][2].x1 + box.x0) / 2)
        parts.append((len(text), len(text) + len(line.text), box))
        text += line.text
        probabilities.extend(line.probabilities)
        centres.extend(box.x0 + x for x in line.centres)
    return Row(side, text, tuple(probabilities), tuple(centres), tuple(parts))


def _place(row: Row, span: tuple[int, int], spare: float = 0.0) -> LinePlace:
    """Where ``text[span]`` stands: up to halfway to its neighbours, or a good character into the void.

    ``spare`` characters more are for an hour of two digits, where this photo's has one.
    """
    around = join([box for start, end, box in row.parts if start < span[1] and span[0] < end])
    first, last = row.centres[span[0]], row.centres[span[1] - 1]
    step = (last - first) / (span[1] - 1 - span[0])
    x0, x1 = first - (1.2 + spare) * step, last + (1.2 + spare) * step
    if span[0] > 0:
        x0 = max(x0, (row.centres[span[0] - 1] + first) / 2)
    if span[1] < len(row.text):
        x1 = min(x1, (row.centres[span[1]] + last) / 2)
    return LinePlace(row.side, replace(around, x0=max(0, round(x0)), x1=round(x1)), step)


def _join(places: Sequence[LinePlace]) -> LinePlace:
    steps = sorted(place.step for place in places)
    return LinePlace(places[0].side, join([place.box for place in places]), steps[len(steps) // 2])


def _same_place(a: FoundStrip, b: FoundStrip) -> bool:
    if a.place.side != b.place.side or a.stamp.shape != b.stamp.shape:
        return False
    one, other = a.place.box, b.place.box
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    return high > 0.6 * max(one.height, other.height) and wide > 0.6 * max(one.width, other.width)


def _without(text: str, span: tuple[int, int]) -> str:
    """``text`` with a span blanked, so that positions stay."""
    return text[: span[0]] + " " * (span[1] - span[0]) + text[span[1] :]
