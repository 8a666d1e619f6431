"""Augmentation toward trail cameras: infrared nights, flash, strips with camera text, animals cut by the frame."""

from __future__ import annotations

import cv2
import numpy as np

Rng = np.random.Generator
GREY = 114


def infrared(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Turn a photo into something like a night-time infrared frame."""
    weights = rng.dirichlet((4, 4, 2)).astype(np.float32)
    grey = image.astype(np.float32) @ weights
    h, w = grey.shape
    if rng.random() < 0.7:  # flash falls off toward the edges
        cx, cy = w * rng.uniform(0.3, 0.7), h * rng.uniform(0.35, 0.75)
        yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
        r = np.sqrt(((xx - cx) / w) ** 2 + ((yy - cy) / h) ** 2)
        grey *= np.clip(1.15 - rng.uniform(0.5, 1.7) * r, 0.06, 1.2)
    grey = 255 * (np.clip(grey, 0, 255) / 255) ** rng.uniform(0.7, 1.6)
    out = np.repeat(np.clip(grey, 0, 255)[..., None], 3, 2)
    if rng.random() < 0.2:
        out *= np.array([rng.uniform(0.85, 1.0), rng.uniform(0.9, 1.0), 1.0], np.float32)[
            :: rng.choice((1, -1))
        ]
    return out.astype(np.uint8)


def overexpose(image: np.ndarray, boxes: np.ndarray, rng: Rng) -> np.ndarray:
    """Wash out one large animal the way a near flash does; boxes in pixels."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]) / (image.shape[0] * image.shape[1])
    large = np.flatnonzero(areas > 0.08)
    if not len(large):
        return image
    x1, y1, x2, y2 = boxes[rng.choice(large)]
    h, w = image.shape[:2]
    yy, xx = np.mgrid[0:h, 0:w].astype(np.float32)
    d = ((xx - (x1 + x2) / 2) / max(x2 - x1, 1)) ** 2 + ((yy - (y1 + y2) / 2) / max(y2 - y1, 1)) ** 2
    gain = 1 + rng.uniform(0.5, 1.8) * np.exp(-4 * d)
    return np.clip(image * gain[..., None], 0, 255).astype(np.uint8)


def strip(image: np.ndarray, rng: Rng) -> tuple[np.ndarray, int, int]:
    """Draw an information strip; returns the image and the rows it took at top and bottom."""
    h, w = image.shape[:2]
    rows = max(8, int(h * rng.uniform(0.03, 0.08)))
    at_top = rng.random() < 0.25
    y = 0 if at_top else h - rows
    clear = rng.random() < 0.3
    dark = rng.random() < 0.7
    image = image.copy()
    if not clear:
        image[y : y + rows] = rng.integers(0, 40) if dark else rng.integers(200, 256)
    letters = "".join(rng.choice(list("0123456789:/ FCAPMHQDTRL-#"), rng.integers(12, 40)))
    colour = (235, 235, 235) if dark else (20, 20, 20)
    if rng.random() < 0.15:
        colour = tuple(int(v) for v in rng.integers(0, 256, 3))
    cv2.putText(
        image, letters, (int(rng.integers(0, max(w // 4, 1))), y + int(rows * 0.75)), cv2.FONT_HERSHEY_SIMPLEX,
        rows / 34, colour, 1 + (rows > 26), cv2.LINE_AA,
    )  # fmt: skip
    if clear:
        return image, 0, 0
    return image, rows if at_top else 0, 0 if at_top else rows


def photometric(image: np.ndarray, boxes: np.ndarray, rng: Rng, night: float = 0.4) -> np.ndarray:
    """Change colours, light and sharpness; boxes in pixels."""
    if rng.random() < night:
        image = infrared(image, rng)
    elif rng.random() < 0.7:
        hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.float32)
        hsv[..., 0] = (hsv[..., 0] + rng.uniform(-4, 4)) % 180
        hsv[..., 1] *= rng.uniform(0.4, 1.5)
        hsv[..., 2] *= rng.uniform(0.6, 1.4)
        image = cv2.cvtColor(np.clip(hsv, 0, [179, 255, 255]).astype(np.uint8), cv2.COLOR_HSV2RGB)
    if len(boxes) and rng.random() < 0.08:
        image = overexpose(image, boxes, rng)
    if rng.random() < 0.25:  # low contrast, fog, wet lens
        a = rng.uniform(0.45, 1.0)
        image = np.clip(image * a + rng.uniform(0, 255 * (1 - a)), 0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.5, 1.8))
    elif rng.random() < 0.1:  # the animal moved
        k = int(rng.integers(3, 10))
        kernel = np.zeros((k, k), np.float32)
        kernel[k // 2] = 1 / k
        image = cv2.filter2D(image, -1, kernel)
    if rng.random() < 0.3:
        noise = rng.standard_normal((*image.shape[:2], 1), np.float32) * rng.uniform(3, 16)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        q = int(rng.integers(25, 80))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, q])[1], cv2.IMREAD_COLOR)
    return image


def warp(
    image: np.ndarray,
    boxes: np.ndarray,
    size: tuple[int, int],
    rng: Rng,
    scale: tuple[float, float],
    shift: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Place a photo on a canvas of (height, width) with a random scale, shift, rotation and flip; boxes in pixels."""
    height, width = size
    h, w = image.shape[:2]
    base = min(height / h, width / w)
    s = base * rng.uniform(*scale)
    sx = s * rng.uniform(0.9, 1.1)
    angle = np.deg2rad(rng.uniform(-4, 4)) if rng.random() < 0.3 else 0.0
    flip = -1 if rng.random() < 0.5 else 1
    cx, cy = width / 2 + rng.uniform(-shift, shift) * width, height / 2 + rng.uniform(-shift, shift) * height
    c, sn = np.cos(angle), np.sin(angle)
    m = np.array([[sx * c * flip, -s * sn], [sx * sn * flip, s * c]], np.float64)
    t = np.array([cx, cy]) - m @ np.array([w / 2, h / 2])
    matrix = np.hstack([m, t[:, None]])
    inter = cv2.INTER_AREA if s < 0.6 else cv2.INTER_LINEAR
    if s < 0.6 and angle == 0:
        image = cv2.resize(image, None, fx=s, fy=s, interpolation=inter)
        matrix = matrix @ np.diag([w / image.shape[1], h / image.shape[0], 1.0])
        m2 = matrix
    else:
        m2 = matrix
    out = cv2.warpAffine(image, m2, (width, height), flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY))
    if not len(boxes):
        return out, boxes
    matrix = np.hstack([m, t[:, None]])
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2) @ matrix[:, :2].T + matrix[:, 2]
    return out, np.hstack([corners.min(1), corners.max(1)]).astype(np.float32)


def clip(
    boxes: np.ndarray, region: tuple[float, float, float, float], least: float
) -> tuple[np.ndarray, np.ndarray]:
    """Cut boxes to a region; also which of them still show enough of themselves to count."""
    if not len(boxes):
        return boxes, np.zeros(0, bool)
    x1, y1, x2, y2 = region
    cut = np.stack(
        [
            boxes[:, 0].clip(x1, x2),
            boxes[:, 1].clip(y1, y2),
            boxes[:, 2].clip(x1, x2),
            boxes[:, 3].clip(y1, y2),
        ],
        1,
    )
    w, h = cut[:, 2] - cut[:, 0], cut[:, 3] - cut[:, 1]
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return cut, (w > 4) & (h > 4) & (w * h > least * area)
