"""Photos with an info strip, drawn as cameras draw them, with the truth about each."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from matplotlib import get_data_path
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Layout:
    """How one kind of camera writes. ``text`` makes the pieces of its strip from time and Celsius."""

    name: str
    font: str  # a file of matplotlib's, "pillow" (Aileron) or "pixel" (15 px, enlarged)
    height: float  # of the strip, as a share of the photo's height
    ground: tuple[int, int, int] | None  # None: no strip, text straight on the scene
    opacity: float
    ink: tuple[int, int, int]
    side: str
    text: Callable[[datetime, int, str], list[tuple[float, str]]]  # (x as a share of the width, text)
    date: str  # strftime of the date, which text leaves as {date}
    outline: bool = False
    boxes: bool = False  # ground behind the text alone, not over the whole width
    moon: float | None = None  # where a moon is drawn, as a share of the width


@dataclass(frozen=True)
class Truth:
    """One drawn photo."""

    path: Path
    at: datetime
    celsius: int
    layout: str


def fahrenheit(celsius: int) -> int:
    """Rounded, as cameras show it."""
    return round(celsius * 1.8 + 32)


def lit_share(at: datetime) -> float:
    """The mean moon's lit share, 0..1, in eighths of its age as cameras draw it."""
    age = (at - datetime(2000, 1, 6, 18, 14)).total_seconds() / 86400 / 29.530588 % 1
    return (1 - math.cos(2 * math.pi * round(age * 8) / 8)) / 2


def _h12(at: datetime, seconds: bool = True, gap: str = " ", pad: bool = False) -> str:
    hour = f"{at.hour % 12 or 12:02d}" if pad else f"{at.hour % 12 or 12}"
    return f"{hour}:{at:%M:%S}{gap}{at:%p}" if seconds else f"{hour}:{at:%M}{gap}{at:%p}"


BLACK, WHITE = (0, 0, 0), (255, 255, 255)
LAYOUTS = (
    Layout("reconyx-like", "pixel", 0.03, BLACK, 1, WHITE, "top",
           lambda t, c, n: [(0.016, f"{{date}} {_h12(t)}"), (0.55, "M 4/5"), (0.90, f"{fahrenheit(c)}°F")],
           "%Y-%m-%d", moon=0.85),
    Layout("bushnell-like", "DejaVuSans.ttf", 0.06, (252, 252, 252), 1, BLACK, "bottom",
           lambda t, c, n: [(0.15, n), (0.33, f"{fahrenheit(c)}°F{c}°C"), (0.66, f"{{date}} {t:%H:%M:%S}")],
           "%m-%d-%Y", moon=0.56),
    Layout("moultrie-like", "DejaVuSans-Bold.ttf", 0.05, BLACK, 1, WHITE, "bottom",
           lambda t, c, n: [(0.02, n), (0.42, f"{{date}} {_h12(t, seconds=False)}"),
                            (0.85, f"{fahrenheit(c)} F")], "%m/%d/%y", moon=0.78),
    Layout("ranch-like", "DejaVuSansMono.ttf", 0.045, BLACK, 1, (240, 240, 240), "bottom",
           lambda t, c, n: [(0.02, f"{n} {fahrenheit(c):03d}F {c:03d}C {{date}} {t:%H:%M:%S}")], "%m/%d/%Y"),
    Layout("browning-like", "pillow", 0.045, BLACK, 1, WHITE, "bottom",
           lambda t, c, n: [(0.25, f"{fahrenheit(c)}F"), (0.45, n),
                            (0.72, f"{{date}} {_h12(t, seconds=False, gap='', pad=True)}")],
           "%m/%d/%Y", moon=0.67),
    Layout("translucent", "DejaVuSans.ttf", 0.05, (20, 20, 30), 0.6, (235, 235, 235), "bottom",
           lambda t, c, n: [(0.45, f"{fahrenheit(c):03d}°F {c}°C"), (0.68, f"{{date}} {t:%H:%M:%S}")],
           "%m/%d/%Y"),
    Layout("bare", "DejaVuSans.ttf", 0.065, None, 0, (225, 225, 225), "bottom",
           lambda t, c, n: [(0.13, f"{c} °C / {fahrenheit(c)} °F"), (0.38, f"{{date}} {_h12(t, pad=True)}")],
           "%m/%d/%Y", outline=True),
    Layout("labels", "pillow", 0.05, (215, 215, 215), 1, (10, 10, 10), "bottom",
           lambda t, c, n: [(0.01, n), (0.72, f"{{date}} {t:%H:%M:%S}")], "%d.%m.%Y", boxes=True),
    Layout("year-first", "DejaVuSansMono-Bold.ttf", 0.05, (32, 32, 32), 1, (230, 230, 230), "bottom",
           lambda t, c, n: [(0.36, f"{c}°C {fahrenheit(c)}°F"), (0.58, f"{{date}} {t:%H:%M:%S} 0007")],
           "%Y/%m/%d"),
    Layout("spartan-like", "DejaVuSansMono.ttf", 0.04, BLACK, 1, (255, 220, 60), "top",
           lambda t, c, n: [(0.02, n), (0.36, f"{{date}} {_h12(t, pad=True)}"), (0.8, f"{fahrenheit(c)}F")],
           "%Y/%m/%d"),
    Layout("tactacam-like", "pillow", 0.055, (15, 15, 15), 0.85, WHITE, "bottom",
           lambda t, c, n: [(0.02, n), (0.3, f"{fahrenheit(c)}°F"), (0.62, f"{{date}} {_h12(t, pad=True)}")],
           "%m/%d/%Y", moon=0.45),
    Layout("spypoint-like", "STIXGeneralBol.ttf", 0.06, None, 0, (250, 250, 250), "bottom",
           lambda t, c, n: [(0.03, f"{{date}} {_h12(t, seconds=False, gap='')}"), (0.4, f"{c}°C")],
           "%d/%m/%Y", outline=True),
    Layout("cuddeback-like", "DejaVuSans-Bold.ttf", 0.045, BLACK, 1, WHITE, "bottom",
           lambda t, c, n: [(0.02, f"{{date}} {_h12(t, seconds=False)}"), (0.42, f"{fahrenheit(c)} F"),
                            (0.62, n)], "%d %b %Y", moon=0.53),
    Layout("serif-day-first", "DejaVuSerif.ttf", 0.05, (245, 245, 235), 1, (15, 15, 15), "top",
           lambda t, c, n: [(0.02, f"{{date}} {t:%H:%M}"), (0.4, f"{c}°C"), (0.6, n)], "%d-%m-%Y"),
)  # fmt: skip
SIZES = ((1280, 720), (1920, 1080), (2048, 1536), (1600, 1200))


def font(name: str, px: int) -> Font:
    """A font that comes with Pillow or matplotlib, about ``px`` high."""
    if name == "pillow":
        return ImageFont.load_default(px)
    return ImageFont.truetype(str(Path(get_data_path()) / "fonts" / "ttf" / name), px)


def render_folder(
    folder: Path, layout: Layout, n: int, seed: int, *, days: float = 60, start: datetime | None = None
) -> list[Truth]:
    """Draw ``n`` photos of one camera, in sequence over about ``days`` days."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)
    size = rng.choice(SIZES)
    quality = rng.choice((50, 65, 80, 92))
    camera = rng.choice(("NORTH GATE", "CAM11", "270 JASON", "HAYFIELD 2"))
    scenes = [_scene(size, rng) for _ in range(3)]
    at = start or datetime(rng.randint(2016, 2025), rng.randint(1, 12), rng.randint(1, 28), 6)
    truths = []
    for k in range(n):
        burst = rng.random() < 0.3
        at += timedelta(seconds=2 if burst else max(1, round(rng.expovariate(n / (days * 86400)))))
        celsius = rng.randint(-15, 40)
        image = rng.choice(scenes).copy()
        draw_strip(image, layout, at, celsius, camera)
        path = folder / f"IMG_{k + 1:04d}.JPG"
        image.save(path, quality=quality)
        seconds = layout.text(at.replace(second=1), 0, "") != layout.text(at.replace(second=2), 0, "")
        shown = at if seconds else at.replace(second=0)
        truths.append(Truth(path, shown, celsius, layout.name))
    return truths


def draw_strip(image: Image.Image, layout: Layout, at: datetime, celsius: int, camera: str) -> None:
    """Write one strip onto ``image``."""
    wide, high = image.size
    strip = round(layout.height * high)
    y = 0 if layout.side == "top" else high - strip
    if layout.ground is not None and not layout.boxes:
        ground = Image.new("RGB", (wide, strip), layout.ground)
        image.paste(Image.blend(image.crop((0, y, wide, y + strip)), ground, layout.opacity), (0, y))
    for share, piece in layout.text(at, celsius, camera):
        _write(image, layout, (round(share * wide), y), strip, piece.format(date=at.strftime(layout.date)))
    if layout.moon is not None:
        icon = draw_moon(lit_share(at), round(strip * 0.62), layout.ink, dark_ink=sum(layout.ink) < 380)
        image.paste(icon, (round(layout.moon * wide), y + (strip - icon.height) // 2), icon)


def _write(image: Image.Image, layout: Layout, place: tuple[int, int], strip: int, text: str) -> None:
    x, y = place
    if layout.font == "pixel":
        letters = _pixel_text(text, strip)
        image.paste(layout.ink, (x, y + (strip - letters.height) // 2), letters)
        return
    draw = ImageDraw.Draw(image)
    size = round(strip * 0.62)
    face = font(layout.font, size)
    while size > 8 and x + draw.textlength(text, face) > image.width - 4:  # a strip that runs out of room
        size -= 1
        face = font(layout.font, size)
    if layout.boxes and layout.ground is not None:
        draw.rectangle((x - 8, y, x + round(draw.textlength(text, face)) + 8, y + strip), fill=layout.ground)
    stroke = max(1, size // 14) if layout.outline else 0
    middle = y + strip // 2
    draw.text((x, middle), text, layout.ink, face, anchor="lm", stroke_width=stroke, stroke_fill=(20, 20, 20))


def draw_moon(lit: float, px: int, ink: tuple[int, int, int], *, dark_ink: bool) -> Image.Image:
    """A disc's outline whose bright part is ``lit``: on light strips the dark part is inked, else the lit."""
    big = px * 4
    icon = Image.new("L", (big, big), 0)
    draw = ImageDraw.Draw(icon)
    inked = 1 - lit if dark_ink else lit
    draw.pieslice((2, 2, big - 3, big - 3), -90, 90, fill=255)  # half of it, then a half ellipse more or less
    half = abs(1 - 2 * inked) * (big - 5) / 2
    middle = (big - 1) / 2
    draw.ellipse((middle - half, 2, middle + half, big - 3), fill=255 if inked > 0.5 else 0)
    draw.ellipse((2, 2, big - 3, big - 3), outline=255, width=max(4, big // 16))
    drawn = Image.new("RGBA", (px, px), (*ink, 0))
    drawn.putalpha(icon.resize((px, px), Image.Resampling.LANCZOS))
    return drawn


def _pixel_text(text: str, high: int) -> Image.Image:
    """Unsmoothed letters of 15 px, enlarged by whole factors and wider than high, as on old cameras."""
    face = font("DejaVuSansMono.ttf", 15)
    letters = Image.new("L", (9 * len(text) + 2, 17), 0)
    draw = ImageDraw.Draw(letters)
    draw.fontmode = "1"
    draw.text((1, 0), text, fill=255, font=face)
    factor = max(1, high // letters.height)
    wide = round(letters.width * factor * 2)
    return letters.resize((wide, letters.height * factor), Image.Resampling.NEAREST)


def _scene(size: tuple[int, int], rng: random.Random) -> Image.Image:
    """Something like undergrowth by day or by night: blurred blobs under noise and stalks."""
    noise = np.random.default_rng(rng.randrange(1 << 30))
    wide, high = size
    level = rng.choice((30, 70, 130, 190))
    gray = noise.normal(level, level * 0.35, (high // 24 + 1, wide // 24 + 1, 1))
    coarse = (gray * np.array([0.95, 1.05, 0.8])).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(60):
        x, y = rng.randrange(wide), rng.randrange(high)
        shade = tuple(int(min(255, max(0, rng.gauss(level, level * 0.6)))) for _ in range(3))
        end = (x + rng.randint(-90, 90), y + rng.randint(20, 160))
        draw.line(((x, y), end), fill=shade, width=rng.randint(1, 6))
    grain = noise.normal(0, 7, (high, wide, 1))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
