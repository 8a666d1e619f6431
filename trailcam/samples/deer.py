"""White-tailed deer drawn from the side: outlines in body units, shaded like fur.

Body units: the withers stand 1.0 above the ground, x runs towards the nose, y up, the origin
lies on the ground under the middle of the trunk. Proportions were read off photographs by eye.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Point = tuple[float, float]
Colour = tuple[int, int, int]

# What the frame around a drawn deer spans in body units: x from -0.95 to 1.45, y from -0.08 to 2.22.
LEFT, RIGHT, BOTTOM, TOP = -0.95, 1.45, -0.08, 2.22
OVERSAMPLING = 2

# fmt: off
_TRUNK: tuple[Point, ...] = (
    (-0.60, 0.78), (-0.57, 0.92), (-0.44, 0.995), (-0.15, 0.955), (0.12, 0.95), (0.30, 1.00), (0.44, 1.02),
    (0.58, 0.95), (0.60, 0.82), (0.53, 0.66), (0.38, 0.57), (0.10, 0.54), (-0.18, 0.58), (-0.36, 0.63),
    (-0.50, 0.60), (-0.59, 0.66),
)
_NECK: tuple[Point, ...] = (
    (0.26, 1.00), (0.44, 1.09), (0.57, 1.27), (0.63, 1.44), (0.72, 1.47), (0.79, 1.36), (0.76, 1.20),
    (0.70, 1.02), (0.62, 0.82), (0.45, 0.74),
)
_HEAD: tuple[Point, ...] = (
    (0.62, 1.42), (0.66, 1.51), (0.74, 1.545), (0.82, 1.52), (0.93, 1.43), (1.03, 1.375), (1.055, 1.335),
    (1.03, 1.285), (0.94, 1.275), (0.82, 1.30), (0.72, 1.33),
)
_MUZZLE: tuple[Point, ...] = ((0.95, 1.395), (1.03, 1.36), (1.04, 1.29), (0.95, 1.28))
_NOSE: tuple[Point, ...] = ((1.02, 1.382), (1.06, 1.35), (1.05, 1.315), (1.01, 1.33))
_THROAT: tuple[Point, ...] = ((0.70, 1.33), (0.79, 1.31), (0.75, 1.22), (0.70, 1.25))
_EAR_NEAR: tuple[Point, ...] = (
    (0.67, 1.50), (0.58, 1.55), (0.47, 1.64), (0.44, 1.70), (0.53, 1.69), (0.66, 1.60), (0.72, 1.53),
)
_EAR_FAR: tuple[Point, ...] = (
    (0.73, 1.53), (0.71, 1.62), (0.73, 1.71), (0.77, 1.74), (0.80, 1.66), (0.79, 1.55),
)
_TAIL: tuple[Point, ...] = (
    (-0.57, 0.92), (-0.64, 0.88), (-0.69, 0.72), (-0.67, 0.60), (-0.61, 0.66), (-0.57, 0.80),
)
_RUMP: tuple[Point, ...] = ((-0.60, 0.80), (-0.575, 0.86), (-0.545, 0.72), (-0.53, 0.58), (-0.575, 0.62))
_BELLY: tuple[Point, ...] = (
    (-0.38, 0.63), (-0.15, 0.60), (0.10, 0.57), (0.36, 0.59), (0.10, 0.535), (-0.18, 0.57),
)
# Legs as middle lines with a width at each joint: (x, y, width).
_FORE = (
    (0.44, 0.80, 0.24), (0.44, 0.60, 0.16), (0.45, 0.40, 0.085), (0.44, 0.34, 0.075),
    (0.44, 0.12, 0.05), (0.45, 0.06, 0.06), (0.48, 0.0, 0.055),
)
_HIND = (
    (-0.40, 0.78, 0.34), (-0.43, 0.60, 0.24), (-0.49, 0.46, 0.12), (-0.55, 0.37, 0.085),
    (-0.52, 0.14, 0.052), (-0.51, 0.06, 0.06), (-0.47, 0.0, 0.055),
)
# Antlers of one side: the beam, then tines as (foot, tip); the number of points counts both sides.
_BEAM: tuple[Point, ...] = (
    (0.735, 1.53), (0.68, 1.63), (0.67, 1.75), (0.74, 1.85), (0.88, 1.90), (1.04, 1.87),
)
_TINES: tuple[tuple[Point, Point], ...] = (
    ((0.70, 1.59), (0.81, 1.69)),  # brow tine
    ((0.68, 1.78), (0.66, 2.03)),
    ((0.80, 1.88), (0.82, 2.09)),
    ((0.93, 1.90), (0.98, 2.03)),
)
# fmt: on
_POLL: Point = (0.70, 1.46)  # the head turns here
_NECK_FOOT: Point = (0.46, 0.92)  # and the neck here


@dataclass(frozen=True, slots=True)
class Build:
    """The shape of one kind of deer: factors on the outlines above, 1.0 for a grown doe."""

    height: float  # of the withers, 1.0 = grown buck
    girth: float
    neck: float
    antler: float = 0.0  # 0 none; length factor of beams and tines
    tines: int = 0  # per side, beside the beam's own tip


BUILDS: dict[str, Build] = {
    "fawn": Build(height=0.60, girth=0.85, neck=0.85),
    "doe": Build(height=0.88, girth=0.97, neck=0.88),
    "young": Build(height=0.90, girth=0.95, neck=0.92, antler=0.55),  # a spike
    "mid": Build(height=0.97, girth=1.03, neck=1.08, antler=0.78, tines=2),  # six points
    "mature": Build(height=1.05, girth=1.13, neck=1.35, antler=1.08, tines=4),  # ten points
}


@dataclass(frozen=True, slots=True)
class Pose:
    """``head`` turns neck and head down (radians, 0 = alert); ``stride`` swings the legs, -1..1."""

    head: float = 0.0
    stride: float = 0.0
    faces_left: bool = False


@dataclass(frozen=True, slots=True)
class Coat:
    """Colours of one deer in one light. ``eye_shine`` is what infrared makes of its eyes."""

    back: Colour
    belly: Colour
    white: Colour
    dark: Colour
    antler: Colour
    eye_shine: bool = False


def smooth(points: Sequence[Point], steps: int = 6) -> list[Point]:
    """A closed Catmull-Rom curve through ``points``, ``steps`` points for each of them."""
    n = len(points)
    curve = []
    for i in range(n):
        (x0, y0), (x1, y1), (x2, y2), (x3, y3) = (points[(i + k - 1) % n] for k in range(4))
        for step in range(steps):
            t = step / steps
            curve.append((_spline(x0, x1, x2, x3, t), _spline(y0, y1, y2, y3, t)))
    return curve


def _spline(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def _turn(point: Point, pivot: Point, angle: float) -> Point:
    x, y = point[0] - pivot[0], point[1] - pivot[1]
    cos, sin = math.cos(angle), math.sin(angle)
    return pivot[0] + x * cos + y * sin, pivot[1] - x * sin + y * cos


class _Drawing:
    """One deer on its own canvas: knows the pose and turns body units into pixels."""

    def __init__(self, build: Build, pose: Pose, unit_px: float) -> None:
        self.build, self.pose, self.unit = build, pose, unit_px * OVERSAMPLING
        size = (math.ceil((RIGHT - LEFT) * self.unit), math.ceil((TOP - BOTTOM) * self.unit))
        self.image = Image.new("RGBA", size, (0, 0, 0, 0))
        self.draw = ImageDraw.Draw(self.image)

    def px(self, point: Point) -> Point:
        x = point[0] if not self.pose.faces_left else LEFT + RIGHT - point[0]
        return (x - LEFT) * self.unit, (TOP - point[1]) * self.unit

    def blob(self, points: Sequence[Point], colour: Colour) -> None:
        self.draw.polygon([self.px(p) for p in smooth(points)], fill=(*colour, 255))

    def limb(self, joints: Sequence[tuple[float, float, float]], colour: Colour) -> None:
        """A tapering line: discs at the joints, trapezoids between them."""
        for (x, y, w), (x2, y2, w2) in pairwise(joints):
            length = math.hypot(x2 - x, y2 - y) or 1.0
            nx, ny = (y2 - y) / length / 2, -(x2 - x) / length / 2
            corners = [
                (x + nx * w, y + ny * w),
                (x2 + nx * w2, y2 + ny * w2),
                (x2 - nx * w2, y2 - ny * w2),
                (x - nx * w, y - ny * w),
            ]
            self.draw.polygon([self.px(c) for c in corners], fill=(*colour, 255))
        for x, y, w in joints:
            self.dot((x, y), w / 2, colour)

    def dot(self, centre: Point, radius: float, colour: Colour) -> None:
        x, y = self.px(centre)
        r = radius * self.unit
        self.draw.ellipse((x - r, y - r, x + r, y + r), fill=(*colour, 255))

    def on_neck(self, point: Point) -> Point:
        """Neck outline: thickened by the build; turned the more the nearer to the head."""
        along = (point[0] - 0.42) * 0.75 + (point[1] - 0.92) * 1.52
        along = min(1.0, max(0.0, along))
        axis = 0.47 + 0.22 * along
        thick = 1 + (self.build.neck - 1) * 4 * along * (1 - along)
        x = axis + (point[0] - axis) * thick
        return _turn((x, point[1]), _NECK_FOOT, self.pose.head * along * along * (3 - 2 * along))

    def on_head(self, point: Point) -> Point:
        # The head tips less than the neck falls, so that a grazing deer's nose points at the ground.
        tipped = _turn(point, _POLL, -self.pose.head * 0.25)
        return _turn(tipped, _NECK_FOOT, self.pose.head)

    def swing(
        self, leg: Sequence[tuple[float, float, float]], amount: float
    ) -> list[tuple[float, float, float]]:
        """A leg swung about its upper end, hoof back on the ground."""
        top = leg[0]
        swung = [(*_turn((x, y), (top[0], top[1]), amount * 0.30), w) for x, y, w in leg]
        lift = swung[-1][1] if amount else 0.0
        return [(x, y - lift * (1 - y / top[1]), w) for x, y, w in swung]


def draw_deer(kind: str, pose: Pose, coat: Coat, unit_px: float, rng: np.random.Generator) -> Image.Image:
    """One deer as RGBA, transparent around it.

    ``kind`` is a key of BUILDS; ``unit_px`` the height in px of a grown buck's withers. The
    image spans LEFT..RIGHT and BOTTOM..TOP of the deer's own units, times its height.
    """
    build = BUILDS[kind]
    d = _Drawing(build, pose, unit_px * build.height)
    far = _mix(coat.back, (0, 0, 0), 0.32)
    for leg, shift, way in ((_FORE, 0.05, -1.0), (_HIND, 0.06, 1.0)):
        d.limb([(x + shift, y + 0.02, w) for x, y, w in d.swing(leg, way * pose.stride)], far)
    if build.antler:
        _antler(d, coat, far_side=True)
    d.blob([d.on_head(p) for p in _EAR_FAR], far)
    d.blob([_girth(p, build) for p in _TRUNK], coat.back)
    d.blob([d.on_neck(p) for p in _NECK], coat.back)
    for leg, way in ((_FORE, 1.0), (_HIND, -1.0)):
        d.limb(d.swing(leg, way * pose.stride), coat.back)
    d.blob([_girth(p, build) for p in _BELLY], coat.belly)
    d.blob(_RUMP, coat.white)
    d.blob(_TAIL, _mix(coat.back, coat.dark, 0.25))
    d.draw.line([d.px(p) for p in _TAIL[2:]], fill=(*coat.white, 255), width=max(1, round(0.03 * d.unit)))
    shaded = _shade(d.image, rng)
    d.image, d.draw = shaded, ImageDraw.Draw(shaded)
    _face(d, coat)
    out = d.image.resize(
        (d.image.width // OVERSAMPLING, d.image.height // OVERSAMPLING), Image.Resampling.BOX
    )
    return out.filter(ImageFilter.GaussianBlur(0.6))


def _face(d: _Drawing, coat: Coat) -> None:
    head = [d.on_head(p) for p in _HEAD]
    d.blob(head, _mix(coat.back, coat.dark, 0.12))
    d.blob([d.on_head(p) for p in _THROAT], _mix(coat.white, coat.back, 0.45))
    d.blob([d.on_head(p) for p in _MUZZLE], _mix(coat.white, coat.back, 0.6))
    d.blob([d.on_head(p) for p in _NOSE], coat.dark)
    d.blob([d.on_head(p) for p in _EAR_NEAR], coat.back)
    middle = (sum(p[0] for p in _EAR_NEAR) / 7, sum(p[1] for p in _EAR_NEAR) / 7)
    inner = [(middle[0] + (x - middle[0]) * 0.6, middle[1] + (y - middle[1]) * 0.6) for x, y in _EAR_NEAR]
    d.blob([d.on_head(p) for p in inner], _mix(coat.white, coat.back, 0.5))
    if d.build.antler:
        _antler(d, coat, far_side=False)
    eye = d.on_head((0.83, 1.445))
    d.dot(eye, 0.024, _mix(coat.white, coat.back, 0.75))
    d.dot(eye, 0.024 if coat.eye_shine else 0.019, (255, 255, 255) if coat.eye_shine else coat.dark)


def _antler(d: _Drawing, coat: Coat, *, far_side: bool) -> None:
    foot, size, build = _BEAM[0], d.build.antler, d.build
    colour = _mix(coat.antler, (0, 0, 0), 0.3) if far_side else coat.antler

    def place(p: Point) -> Point:
        shift = 0.07 if far_side else 0.0
        x, y = foot[0] + (p[0] - foot[0]) * size, foot[1] + (p[1] - foot[1]) * size
        return d.on_head((x + shift * (1 + 1.2 * (y - foot[1])), y + shift * 0.3))

    beam = _BEAM if build.tines else _BEAM[:4]
    curve = smooth(beam, 5)[: 5 * (len(beam) - 1) + 1]
    d.limb(
        [(*place(p), (0.058 - 0.032 * i / len(curve)) * max(size, 0.8)) for i, p in enumerate(curve)], colour
    )
    for (x, y), (tip_x, tip_y) in _TINES[: build.tines]:
        joints = [(x, y, 0.042), ((x * 2 + tip_x) / 3, (y + tip_y) / 2, 0.034), (tip_x, tip_y, 0.012)]
        d.limb([(*place((jx, jy)), w * max(size, 0.8)) for jx, jy, w in joints], colour)


def _girth(point: Point, build: Build) -> Point:
    """Trunk outline: the belly line drops with girth, the back stays."""
    x, y = point
    return x, 0.95 - (0.95 - y) * build.girth if y < 0.9 else y


def _mix(a: Colour, b: Colour, share: float) -> Colour:
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue


def _shade(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Round the flat shapes: light from above, dark towards the edges, strokes of fur."""
    alpha = image.getchannel("A")
    # A quarter of the size is enough for something this soft, and much faster.
    small = alpha.resize((image.width // 4 + 1, image.height // 4 + 1), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(small.height / 32)).resize(
        image.size, Image.Resampling.BILINEAR
    )
    depth = np.asarray(soft, dtype=np.float32) / 255
    lit = np.roll(depth, -max(1, image.height // 60), axis=0) - depth
    grain = rng.normal(0.0, 1.0, (image.height // 2 + 1, image.width // 5 + 1)).astype(np.float32)
    fur = np.asarray(Image.fromarray(grain).resize(image.size, Image.Resampling.BILINEAR))
    factor = 0.62 + 0.42 * depth + 1.5 * lit + 0.05 * fur
    shaded = np.clip(np.asarray(image.convert("RGB"), dtype=np.float32) * factor[..., None], 0, 255)
    out = Image.fromarray(shaded.astype(np.uint8))
    out.putalpha(alpha)
    return out
