"""What a trail camera looks at, rendered: sky, tree line, pasture, by day or under infrared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from trailcam.samples.deer import BUILDS, LEFT, RIGHT, TOP, Coat, Pose, draw_deer

Pixels = npt.NDArray[np.float32]
"""(height, width, 3) float32, 0..255, RGB."""

STRIP_SHARE = 0.05  # of the frame's height

_COATS = {
    "summer": Coat((158, 106, 66), (214, 188, 152), (236, 228, 214), (44, 32, 24), (188, 158, 116)),
    "winter": Coat((122, 102, 80), (186, 172, 150), (230, 226, 214), (38, 32, 28), (198, 176, 138)),
    "night": Coat((140, 140, 140), (176, 176, 176), (226, 226, 226), (52, 52, 52), (192, 192, 192), True),
}
_GRASS = {"summer": ((96, 122, 58), (142, 150, 84)), "winter": ((138, 122, 74), (176, 158, 108))}


@dataclass(frozen=True, slots=True)
class View:
    """A camera's fixed view. ``seed`` decides its trees, ``horizon`` the share of sky."""

    width: int
    height: int
    seed: int
    horizon: float = 0.42


@dataclass(frozen=True, slots=True)
class Animal:
    """A deer to draw: ``x`` and ``ground`` place its hooves as shares of the frame, ``size`` is the
    height of a grown buck's withers at that place as a share of the frame's height."""

    kind: str
    x: float
    ground: float
    size: float
    pose: Pose


def background(view: View, *, night: bool, season: str) -> Image.Image:
    """The empty view as RGB. ``season`` is summer or winter; the same arguments give the same pixels."""
    rng = np.random.default_rng(view.seed)
    sky = _sky(view, rng)
    image = Image.fromarray(np.clip(sky, 0, 255).astype(np.uint8))
    for depth in (0.0, 0.5, 1.0):
        _tree_line(image, view, rng, depth, season)
    pasture = _pasture(view, rng, season)
    edge = Image.fromarray((_pasture_mask(view, rng) * 255).astype(np.uint8))
    image.paste(Image.fromarray(np.clip(pasture, 0, 255).astype(np.uint8)), (0, 0), edge)
    _trunks(image, view, rng)
    _blades(image, rng, view, 2600, (0.0, view.horizon + 0.03, 1.0, 1.0), season)
    return image if not night else _infrared(image, view, rng)


def _blades(
    image: Image.Image,
    rng: np.random.Generator,
    view: View,
    count: int,
    ground: tuple[float, float, float, float],
    season: str,
) -> None:
    """Draw ``count`` blades of grass in ``ground``: left, top, right, bottom as shares of the frame."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = ground
    dark, light = _GRASS[season]
    for depth in np.sort(rng.uniform(top, bottom, count)):
        near = (depth - view.horizon) / (1 - view.horizon)
        x, y = rng.uniform(left, right) * view.width, depth * view.height
        length = (0.012 + 0.06 * near) * view.height * rng.uniform(0.5, 1.2)
        lean = length * rng.uniform(-0.45, 0.45)
        share, tone = rng.uniform(0, 1), rng.uniform(0.62, 1.08)
        colour = tuple(round((a + (b - a) * share) * tone) for a, b in zip(dark, light, strict=True))
        tip = (x + lean, y - length)
        draw.line([(x, y), (x + lean * 0.3, y - length * 0.6), tip], fill=colour, width=1 + round(2 * near))


def place(
    image: Image.Image, view: View, animal: Animal, rng: np.random.Generator, *, night: bool, season: str
) -> None:
    """Draw one deer into a background, with its shadow and grass before its hooves."""
    coat = _COATS["night" if night else season]
    unit = animal.size * view.height
    deer = draw_deer(animal.kind, animal.pose, coat, unit, rng)
    scale = unit * BUILDS[animal.kind].height
    middle = -LEFT if not animal.pose.faces_left else RIGHT
    x, y = animal.x * view.width, animal.ground * view.height
    shadow = Image.new("L", (round(2.0 * scale), round(0.5 * scale)), 0)
    ImageDraw.Draw(shadow).ellipse(
        (0.25 * scale, 0.17 * scale, 1.75 * scale, 0.33 * scale), fill=70 if night else 120
    )
    shadow = shadow.filter(ImageFilter.GaussianBlur(0.05 * scale))
    image.paste((18, 18, 14), (round(x - 1.0 * scale), round(y - 0.24 * scale)), shadow)
    image.paste(deer, (round(x - middle * scale), round(y - TOP * scale)), deer)
    half = 0.8 * scale / view.width
    hoof = 0.08 * scale / view.height
    top, bottom = animal.ground + hoof * 0.3, min(0.99, animal.ground + hoof + 0.02)
    ground = (animal.x - half, top, animal.x + half, bottom)
    _blades(image, rng, view, round(90 + 160 * animal.size), ground, season)
    if night:
        image.paste(image.convert("L").convert("RGB"))


def finish(image: Image.Image, rng: np.random.Generator, *, night: bool, strip: str) -> Image.Image:
    """What the camera adds: exposure, softness, sensor noise, and the info strip with ``strip``."""
    soft = image.filter(ImageFilter.GaussianBlur(0.9 if night else 0.5))
    pixels = np.asarray(soft, dtype=np.float32) * rng.uniform(0.9, 1.08)
    grain = rng.normal(0, 7.0 if night else 3.5, pixels.shape[:2]).astype(np.float32)
    done = Image.fromarray(np.clip(pixels + grain[..., None], 0, 255).astype(np.uint8))
    height = round(STRIP_SHARE * done.height)
    draw = ImageDraw.Draw(done)
    draw.rectangle((0, done.height - height, done.width, done.height), fill=(8, 8, 8))
    font = ImageFont.load_default(size=height * 0.56)
    draw.text(
        (0.02 * done.width, done.height - height * 0.5), strip, font=font, fill=(235, 235, 235), anchor="lm"
    )
    return done


def _clouds(width: int, height: int, rng: np.random.Generator, coarse: int) -> npt.NDArray[np.float32]:
    """Smooth noise (height, width), about -1..1: random grids of three sizes, enlarged and summed."""
    total = np.zeros((height, width), dtype=np.float32)
    for octave in range(3):
        cells = coarse * 2**octave
        grid = rng.normal(0, 0.5 / 2**octave, (max(2, cells * height // width), cells)).astype(np.float32)
        total += np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))
    return total


def _sky(view: View, rng: np.random.Generator) -> Pixels:
    rows = np.linspace(0, 1, view.height, dtype=np.float32)[:, None]
    noise = _clouds(view.width, view.height, rng, 3)
    top, low = np.array((128, 160, 196), np.float32), np.array((226, 228, 222), np.float32)
    blend = np.clip(rows * 2.2 + 0.3 * noise, 0, 1)[..., None]
    sky: Pixels = top * (1 - blend) + low * blend
    return sky


def _tree_line(image: Image.Image, view: View, rng: np.random.Generator, depth: float, season: str) -> None:
    """A row of tree crowns; ``depth`` 0 is the far, hazy one, 1 the near, dark one."""
    leaf = (58, 82, 44) if season == "summer" else (86, 84, 58)
    haze = (168, 178, 178)
    colour = tuple(round(h + (c - h) * (0.35 + 0.6 * depth)) for h, c in zip(haze, leaf, strict=True))
    base = (view.horizon + 0.02 * depth) * view.height
    crown = (0.09 + 0.02 * depth) * view.height
    mask = Image.new("L", image.size, 0)
    draw = ImageDraw.Draw(mask)
    draw.rectangle((0, base - crown, view.width, base + crown), fill=255)
    for _ in range(150):
        x, r = rng.uniform(0, view.width), crown * rng.uniform(0.25, 0.75)
        y = base - crown * rng.uniform(0.4, 1.5)
        draw.ellipse((x - r, y - r * 0.8, x + r, y + r * 0.8), fill=255)
    rough = _clouds(view.width, view.height, rng, 90)
    crowns = np.asarray(mask.filter(ImageFilter.GaussianBlur(crown * 0.12)), np.float32) / 255
    edge = crowns + 0.35 * rough * np.minimum(1, 4 * crowns)  # rough at the rim, no specks in the sky
    leaves = _clouds(view.width, view.height, rng, 140)
    texture = np.array(colour, np.float32) * (1 + 0.42 * (0.3 + depth) * leaves)[..., None]
    shape = Image.fromarray((np.clip((edge - 0.4) * 5, 0, 1) * 255).astype(np.uint8))
    image.paste(Image.fromarray(np.clip(texture, 0, 255).astype(np.uint8)), (0, 0), shape)


def _pasture(view: View, rng: np.random.Generator, season: str) -> Pixels:
    dark, light = (np.array(c, np.float32) for c in _GRASS[season])
    rows = np.linspace(0, 1, view.height, dtype=np.float32)[:, None]
    patches = _clouds(view.width, view.height, rng, 7) + 0.5 * _clouds(view.width, view.height, rng, 160)
    share = np.clip(0.75 - 0.55 * (rows - view.horizon) + 0.35 * patches, 0, 1)[..., None]
    grass: Pixels = np.asarray(dark * (1 - share) + light * share, dtype=np.float32)
    return grass


def _pasture_mask(view: View, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    rows = np.arange(view.height, dtype=np.float32)[:, None]
    bumps = _clouds(view.width, 2, rng, 5)[:1] * 0.012 * view.height
    mask = np.clip((rows - view.horizon * view.height - bumps) / (0.006 * view.height), 0, 1)
    return np.asarray(mask, dtype=np.float32)


def _trunks(image: Image.Image, view: View, rng: np.random.Generator) -> None:
    """Two or three near trunks with forks, as a camera strapped to a tree sees its neighbours."""
    draw = ImageDraw.Draw(image)
    sides = [rng.uniform(0.01, 0.10), rng.uniform(0.88, 0.98)]
    for x in [*sides, rng.uniform(0.25, 0.75)][: int(rng.integers(2, 4))]:
        near = x < 0.12 or x > 0.85
        width = view.width * (0.05 if near else 0.014) * rng.uniform(0.8, 1.3)
        foot = (0.86 if near else view.horizon + 0.07) * view.height
        bark = (70, 60, 50) if near else (92, 86, 76)
        left, top = x * view.width, -0.02 * view.height if near else 0.12 * view.height
        for i in range(round(width)):
            light = (1.25 - 1.1 * abs(i / width - 0.4)) * rng.uniform(0.85, 1.1)
            tone = tuple(round(c * light) for c in bark)
            draw.line(
                [(left + i, foot + 4 * np.sin(i)), (left + i + 0.01 * view.width, top)], fill=tone, width=2
            )
        for _ in range(4):
            y = rng.uniform(top, foot * 0.55)
            reach = rng.uniform(-1, 1) * view.width * (0.12 if near else 0.05)
            draw.line(
                [(left + width / 2, y), (left + reach, y - abs(reach) * 0.7)],
                fill=bark,
                width=max(2, round(width / 6)),
            )


def _infrared(image: Image.Image, view: View, rng: np.random.Generator) -> Image.Image:
    """The same view lit by the camera's own lamp: grey, bright before it, black far off and in the sky."""
    grey = np.asarray(image.convert("L"), dtype=np.float32)
    rows = np.linspace(0, 1, view.height, dtype=np.float32)[:, None]
    columns = np.linspace(-1, 1, view.width, dtype=np.float32)[None, :]
    lamp = np.exp(-(columns**2) * 1.5 - ((rows - 0.72) / 0.42) ** 2)
    sky = np.clip((view.horizon - 0.10 - rows) / 0.12, 0, 1)
    lit = (18 + grey * (0.12 + 0.95 * lamp)) * (1 - 0.85 * sky) + 6 * _clouds(view.width, view.height, rng, 4)
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8)).convert("RGB")
