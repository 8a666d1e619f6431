"""How much two daily activity patterns have in common: Ridout and Linkie's coefficient of overlapping.

M. S. Ridout and M. Linkie (2009), Estimating overlap of daily activity patterns from camera trap data,
Journal of Agricultural, Biological and Environmental Statistics 14:322-337: each pattern becomes a von Mises
kernel density on the circle of 24 hours, and the coefficient is the area under the lower of the two, from 0
(never at the same hours) to 1 (always). The kernel's concentration is that of C. C. Taylor (2008), Automatic
bandwidth selection for circular density estimation, Computational Statistics and Data Analysis 52:3493-3500,
with the greatest estimate of the first three trigonometric moments, as the R package overlap has it.

Times are counted in bins of one minute, so that a density is one product of Fourier transforms, whatever the
number of visits: 1,000 resamples take a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

MINUTES = 1440
# Below this many visits the smaller sample says too little to estimate anything.
LEAST = 10
# Dhat1 suits smaller samples (Ridout and Linkie 2009, section 4; Meredith and Ridout's guide to the package).
DHAT4_FROM = 50
RESAMPLES = 1000

_MOMENTS = 3
_KAPPAS = (1e-4, 345.0)  # where the R package looks for a concentration
_DHAT1_SHARPER = 1.25  # Ridout and Linkie's c for Dhat1; 1 for Dhat4
_TINY = 1e-12
_BATCH = 250

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Overlap:
    """An estimate from 0 to 1, its 95 % bootstrap interval, and the estimator: ``Dhat1`` or ``Dhat4``."""

    value: float
    low: float
    high: float
    estimator: str


def minute_counts(hours: Sequence[float] | Floats) -> Counts:
    """How many of ``hours`` (of the day; any number, taken round the clock) fall into each minute."""
    minutes = np.floor(np.asarray(hours, np.float64) * 60).astype(np.int64) % MINUTES
    return np.bincount(minutes, minlength=MINUTES)


def overlap(first: Counts, second: Counts, *, seed: int = 1, resamples: int = RESAMPLES) -> Overlap | None:
    """The overlap of two samples from :func:`minute_counts`; None if one has fewer than :data:`LEAST` visits.

    Dhat4 where both have at least :data:`DHAT4_FROM` visits, else Dhat1. The interval is from a smoothed
    bootstrap, its percentiles shifted to centre on the estimate ("basic0" of the R package). The same
    ``seed`` gives the same interval.
    """
    sizes = int(first.sum()), int(second.sum())
    if min(sizes) < LEAST:
        return None
    dhat4 = min(sizes) >= DHAT4_FROM
    estimate = _dhat4 if dhat4 else _dhat1
    pair = [sample[np.newaxis] for sample in (first, second)]
    value = float(estimate(*pair)[0])
    random = np.random.default_rng(seed)
    fitted = [density(sample, concentration(sample))[0] for sample in pair]
    shares = [np.clip(f, 0, None) / np.clip(f, 0, None).sum() for f in fitted]
    drawn = []
    for start in range(0, resamples, _BATCH):
        n = min(_BATCH, resamples - start)
        resampled = [random.multinomial(size, p, size=n) for size, p in zip(sizes, shares, strict=True)]
        drawn.append(estimate(*resampled))
    values = np.concatenate(drawn)
    low, high = np.quantile(values, [0.025, 0.975]) - values.mean() + value
    return Overlap(
        value, float(np.clip(low, 0, value)), float(np.clip(high, value, 1)), "Dhat4" if dhat4 else "Dhat1"
    )


def concentration(counts: Counts) -> Floats:
    """The kernel's concentration for each row of ``counts`` ((n, 1440), int64), without unit."""
    size = counts.sum(axis=1)
    circle = _circle()
    shares = counts / size[:, np.newaxis]
    kappas, ratios, scales = _tables()
    best = np.zeros(len(counts))
    for k in range(1, _MOMENTS + 1):
        moment = np.hypot(shares @ np.cos(k * circle), shares @ np.sin(k * circle))
        best = np.maximum(best, np.interp(moment, ratios[k - 1], kappas))
    scale = np.interp(best, kappas, scales)
    return np.asarray((3 * size * best**2 * scale / (4 * np.sqrt(np.pi))) ** 0.4, np.float64)


def density(counts: Counts, kappa: Floats) -> Floats:
    """The kernel density at each minute, for each row of ``counts``; its mean over the day is 1."""
    kernel = np.fft.rfft(np.exp(kappa[:, np.newaxis] * (np.cos(_circle()) - 1)))
    share = np.fft.rfft(counts / counts.sum(axis=1, keepdims=True))
    return np.asarray(np.fft.irfft(share * kernel / kernel[:, :1].real, MINUTES) * MINUTES, np.float64)


def bessel(order: int, x: Floats) -> Floats:
    """exp(-x) times the modified Bessel function of the first kind, by its integral over a half circle."""
    angles = (np.arange(2048) + 0.5) * np.pi / 2048
    return np.asarray((np.exp(np.outer(x, np.cos(angles) - 1)) * np.cos(order * angles)).mean(axis=1))


@lru_cache(maxsize=1)
def _tables() -> tuple[Floats, list[Floats], Floats]:
    """For concentrations kappa: I_k(kappa) / I_0(kappa), k from 1, and I_2(2 kappa) / I_0(kappa)^2."""
    kappas = np.geomspace(*_KAPPAS, 2000)
    zeroth = bessel(0, kappas)
    # The factors exp(-2 kappa) above and below cancel.
    ratios = [bessel(k, kappas) / zeroth for k in range(1, _MOMENTS + 1)]
    return kappas, ratios, np.asarray(bessel(2, 2 * kappas) / zeroth**2)


@lru_cache(maxsize=1)
def _circle() -> Floats:
    return 2 * np.pi * np.arange(MINUTES) / MINUTES


def _dhat1(first: Counts, second: Counts) -> Floats:
    """Estimator 1: the mean over the day of the lower of both densities."""
    both = [density(sample, concentration(sample) * _DHAT1_SHARPER) for sample in (first, second)]
    return np.asarray(np.minimum(*both).mean(axis=1))


def _dhat4(first: Counts, second: Counts) -> Floats:
    """Estimator 4: how far each density reaches the other at the visits themselves, averaged both ways."""
    f, g = (np.maximum(density(sample, concentration(sample)), _TINY) for sample in (first, second))
    one = (np.minimum(1, g / f) * first).sum(axis=1) / first.sum(axis=1)
    other = (np.minimum(1, f / g) * second).sum(axis=1) / second.sum(axis=1)
    return np.asarray((one + other) / 2)
