"""Read the strips of a folder: learn the cameras' layouts from a few photos, then read all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from trailcam.strip.glyphs import Glyphs
from trailcam.strip.judge import BAR, judge, natural_key
from trailcam.strip.layout import FoundStrip, Layout, LinePlace, certainty, find_strip, learn_layouts
from trailcam.strip.ocr import Gray, Line, Ocr
from trailcam.strip.parse import find_stamp, find_temperature
from trailcam.strip.pixels import Bands, load_bands
from trailcam.strip.records import DateOrder, RawReading, Reason, StripImage, StripReading

_SAMPLES = 8  # photos from which layouts are learned
_BLOCK = 8  # photos between two lessons: what is learned depends on the photos alone, not on timing
_HELD = 400  # photos whose lines are kept (some 20 KB each) to be compared when all digits are known
_DOUBTFUL = 0.75  # below this certainty a photo is read once more, as if its camera were unknown


@dataclass(frozen=True, slots=True)
class _Seen:
    """One photo's strip and what it can teach: lines that a network read, with their pixels."""

    raw: RawReading
    layout: Layout | None = None
    lessons: tuple[tuple[Glyphs, Gray, Line], ...] = ()


def read_folder(
    images: Iterable[StripImage],
    ocr: Ocr,
    *,
    now: datetime,
    order: DateOrder | None = None,
    bar: float = BAR,
    threads: int = 1,
) -> Iterator[StripReading]:
    """Readings of all photos of one folder, in the order of their names, once the whole folder is read.

    ``order``, ``now`` and ``bar``: see ``judge``. Never raises for a bad file.
    """
    raws = {raw.name: raw for block in read_raw(images, ocr, threads=threads) for raw in block}
    yield from judge(list(raws.values()), now, order, bar)


def read_raw(
    images: Iterable[StripImage], ocr: Ocr, *, threads: int = 1, stop: Callable[[], bool] = lambda: False
) -> Iterator[list[RawReading]]:
    """What the strips of one camera's photos show, a few photos at a time, in the order of their names.

    A photo may be yielded once more, less certain: when all of the camera's digits are known, and those that
    were read before don't look like them. Ends early when ``stop`` says true. Never raises for a bad file.
    """
    todo = sorted(images, key=lambda image: natural_key(image.name))
    held: list[_Seen] = []
    with ThreadPoolExecutor(max(1, threads)) as pool:
        layouts = _learn(todo, ocr, pool)
        for start in range(0, len(todo), _BLOCK):
            if stop():
                break
            block = list(pool.map(lambda image: _read(image, layouts, ocr), todo[start : start + _BLOCK]))
            for seen in block:
                for glyphs, pixels, line in seen.lessons:
                    glyphs.learn(pixels, line)
            if start < _HELD:
                held += block
            yield [_compared(seen) for seen in block]
    again = [(seen, _compared(seen)) for seen in held]
    yield [raw for seen, raw in again if raw.certainty < seen.raw.certainty]


def _compared(seen: _Seen) -> RawReading:
    """Less certain where a digit doesn't look as the same digit in other photos."""
    doubtful = seen.layout is not None and any(
        glyphs.doubts(pixels, line) for glyphs, pixels, line in seen.lessons if glyphs is seen.layout.glyphs
    )
    return replace(seen.raw, certainty=seen.raw.certainty * 0.5) if doubtful else seen.raw


def _learn(todo: Sequence[StripImage], ocr: Ocr, pool: ThreadPoolExecutor) -> list[Layout]:
    step = max(1, len(todo) // _SAMPLES)
    samples = todo[::step][:_SAMPLES]

    def look(image: StripImage) -> tuple[tuple[int, int], FoundStrip] | None:
        bands = _load(image)
        found = find_strip(bands, ocr) if bands else None
        return (bands.size, found) if bands and found else None

    return learn_layouts([seen for seen in pool.map(look, samples) if seen])


def _load(image: StripImage) -> Bands | None:
    try:
        return load_bands(image.path, image.orientation)
    except (OSError, ValueError, MemoryError):
        return None


def _read(image: StripImage, layouts: Sequence[Layout], ocr: Ocr) -> _Seen:
    bands = _load(image)
    if bands is None:
        return _Seen(RawReading(image.name, image.exif_at, failure=Reason.UNREADABLE_FILE))
    best = _Seen(RawReading(image.name, image.exif_at, failure=Reason.NO_STRIP))
    for layout in layouts:
        if layout.size == bands.size:
            seen = _read_known(image, bands, layout, ocr)
            if seen and seen.raw.certainty > best.raw.certainty:
                best = seen
            if best.raw.certainty >= _DOUBTFUL:
                return best
    found = find_strip(bands, ocr)
    if found is None or found.certainty <= best.raw.certainty:
        return best
    near = [known for known in layouts if known.size == bands.size and known.shape == found.stamp.shape]
    like = best.layout or (near[0] if near else None)
    raw = RawReading(
        image.name,
        image.exif_at,
        found.text,
        round(found.certainty, 4),
        temperature_c=found.temperature_c,
        layout=like.label if like else None,
    )
    return _Seen(raw, like)


def _read_known(image: StripImage, bands: Bands, layout: Layout, ocr: Ocr) -> _Seen | None:
    temperature, lessons = None, []
    if layout.temperature:
        line, lesson = _read_line(bands, layout.temperature, layout.temperature_glyphs, ocr)
        temperature = find_temperature(line.text)
        lessons += lesson if temperature is not None else []
    line, lesson = _read_line(bands, layout.place, layout.glyphs, ocr)
    stamp = find_stamp(line.text)
    if (stamp is None or stamp.shape != layout.shape) and not lesson:
        # By the camera's own characters, but no date: a network may do better.
        line = ocr.read(layout.place.cut(bands), layout.place.step)
        stamp = find_stamp(line.text)
    if stamp is None or stamp.shape != layout.shape:
        return None
    raw = RawReading(
        image.name,
        image.exif_at,
        line.text[slice(*stamp.span)],
        round(certainty(line.text, line.probabilities, stamp.span), 4),
        temperature_c=temperature,
        layout=layout.label,
    )
    return _Seen(raw, layout, (*lessons, *lesson))


def _read_line(
    bands: Bands, place: LinePlace, glyphs: Glyphs, ocr: Ocr
) -> tuple[Line, list[tuple[Glyphs, Gray, Line]]]:
    """By the camera's own characters where they suffice; else by the network, which may teach them."""
    pixels = place.cut(bands)
    line = glyphs.read(pixels)
    if line is not None:
        return line, []
    line = ocr.read(pixels, place.step)
    return line, [(glyphs, pixels, line)]
