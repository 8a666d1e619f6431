"""How much work the arrangement of `trailcam bucks page` saves, on made visits whose bucks are known.

    python benchmarks/names_bench.py [--out benchmarks/results/names-simulated.json]

Visits of 12 bucks at 7 stations in a rut of 120 days: each buck has two stations that he keeps to, and
comes in bouts of a few days. His pictures are vectors around one of his own; how far they scatter is
varied, as real pictures by day and by night scatter a lot. Measured is how often another visit of the
same buck is among the nearest five, and the clicks and keys of a person who makes no mistake. Beginning
with the first card without a name, the person chooses all cards of that buck on the screen (24 cards),
by the cheaper of: clicks (Shift for stretches), or the key for the whole group and a click for each
card that doesn't belong; then names them: a digit for the nine latest names, else n, two letters, Tab
and Enter, or a new name of ten letters.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from trailcam.bucks_page.arrange import ToArrange, arrange

BUCKS, VISITS, STATIONS, DAYS, SCREEN, LETTERS = 12, 500, 7, 120, 24, 10
SCATTERS = (0.5, 1.0, 1.5, 2.0, 3.0)
SEEDS = 5


def made(seed: int, scatter: float) -> tuple[np.ndarray, ToArrange]:
    """Which buck each visit is of, and what the page knows of it."""
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.choice(BUCKS, VISITS, p=rng.dirichlet(np.full(BUCKS, 2.0))))
    homes = np.array([rng.choice(STATIONS, 2, replace=False) for _ in range(BUCKS)])
    stays = np.where(rng.random(VISITS) < 0.8, rng.integers(0, 2, VISITS), -1)
    station = np.where(stays >= 0, homes[ids, np.maximum(stays, 0)], rng.integers(0, STATIONS, VISITS))
    bouts = rng.uniform(0, DAYS, (BUCKS, 6))
    day = np.clip(bouts[ids, rng.integers(0, 6, VISITS)] + rng.normal(0, 3, VISITS), 0, DAYS)
    centres = rng.normal(size=(BUCKS, 128))
    # Day and night shift the pictures of all bucks alike.
    light = rng.normal(size=(2, 128))[rng.integers(0, 2, VISITS)] * scatter * 0.7
    vectors = centres[ids] + rng.normal(size=(VISITS, 128)) * scatter + light
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    place = rng.uniform(0, 2400, (STATIONS, 2))[station]
    order = np.argsort(day)
    ids, day, station, place, vectors = ids[order], day[order], station[order], place[order], vectors[order]
    return ids, ToArrange(vectors.astype(np.float32), day, place, station, np.full(VISITS, -1))


def recall(ids: np.ndarray, visits: ToArrange, k: int = 5) -> tuple[float, float]:
    """Shares of visits: another of their buck is among the nearest ``k``, and is the nearest."""
    near = visits.vectors @ visits.vectors.T
    np.fill_diagonal(near, -np.inf)
    best = np.argsort(-near, axis=1)[:, :k]
    same = ids[best] == ids[:, None]
    return float(same.any(1).mean()), float(same[:, 0].mean())


def work(ids: np.ndarray, groups: list[list[int]]) -> tuple[int, int]:
    """Clicks and keys until every visit has its name."""
    group_of = {k: n for n, group in enumerate(groups) for k in group}
    left = [k for group in groups for k in group]
    recent: list[int] = []
    clicks = keys = 0
    while left:
        first = left[0]
        buck, screen = ids[first], left[:SCREEN]
        mine = [k for k in screen if ids[k] == buck]
        by_clicks = (0, 0) if len(mine) == 1 else (_stretches(screen, mine), 0)
        group = [k for k in left if group_of[k] == group_of[first]]
        others = sum(ids[k] != buck for k in group)
        beside = [k for k in mine if k not in group]
        by_group = (others + (_stretches(screen, beside) if beside else 0), 1)
        choice = by_group if len(group) > 1 and sum(by_group) < sum(by_clicks) else by_clicks
        done = set(mine) | ({k for k in group if ids[k] == buck} if choice is by_group else set())
        clicks, keys = clicks + choice[0], keys + choice[1]
        if buck not in recent:
            keys += 2 + LETTERS
        else:
            keys += 1 if recent.index(buck) < 9 else 5
        recent = [buck, *(one for one in recent if one != buck)]
        left = [k for k in left if k not in done]
    return clicks, keys


def _stretches(screen: list[int], mine: list[int]) -> int:
    """Clicks that choose ``mine``: one for a card by itself, two for a stretch."""
    at = [screen.index(k) for k in mine]
    runs = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1)
    return sum(min(2, len(run)) for run in runs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path)
    rows = []
    args = parser.parse_args()
    for scatter in SCATTERS:
        found = []
        for seed in range(SEEDS):
            ids, visits = made(seed, scatter)
            among, nearest = recall(ids, visits)
            flat = replace(visits, vectors=np.zeros_like(visits.vectors))
            ways = {
                "in the order of time": [[k] for k in range(VISITS)],
                "by time and place alone": arrange(flat),
                "as on the page": arrange(visits),
            }
            counts = {way: work(ids, groups) for way, groups in ways.items()}
            found.append((among, nearest, counts))
        row = {
            "scatter": scatter,
            "same_buck_among_nearest_5": round(float(np.mean([f[0] for f in found])), 3),
            "nearest_is_same_buck": round(float(np.mean([f[1] for f in found])), 3),
            "work": {
                way: {
                    "clicks": round(float(np.mean([f[2][way][0] for f in found]))),
                    "keys": round(float(np.mean([f[2][way][1] for f in found]))),
                }
                for way in found[0][2]
            },
        }
        rows.append(row)
        print(json.dumps(row))
    if args.out:
        about = {"bucks": BUCKS, "visits": VISITS, "stations": STATIONS, "days": DAYS, "seeds": SEEDS}
        args.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
