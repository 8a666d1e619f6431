"""A trained model is recommended only if it is better."""

from __future__ import annotations

import pytest

from trailcam.evaluate.figures import Evaluation, PhotoRow
from trailcam.evaluate.metrics import Interval
from trailcam.train.verdict import verdict


def evaluation(map50: float, deer: tuple[int, int, int, int], buck: tuple[int, int, int, int]) -> Evaluation:
    """``deer`` and ``buck``: with_it, found, said, right."""

    def at(value: float) -> Interval:
        return Interval(value, value, value)

    rows = tuple(
        PhotoRow(name, w, f, s, r, at(f / w), at(r / s if s else 0.0))
        for name, (w, f, s, r) in (("a deer", deer), ("a buck", buck))
    )
    return Evaluation(100, 100, at(map50), at(map50 / 2), (), (), rows, 0, 0, at(0.0), {}, ())


BEFORE = evaluation(0.6, (50, 45, 50, 45), (20, 20, 25, 20))


@pytest.mark.parametrize(
    ("after", "better", "said"),
    [
        (evaluation(0.7, (50, 48, 50, 48), (20, 20, 25, 20)), True, "better than"),
        (evaluation(0.7, (50, 48, 50, 48), (20, 0, 0, 0)), False, "photos with a buck found 100 %, now 0 %"),
        (evaluation(0.5, (50, 45, 50, 45), (20, 20, 25, 20)), False, "no better"),
        (evaluation(0.6, (50, 45, 90, 45), (20, 20, 25, 20)), False, "a deer that were right 90 %, now 50 %"),
    ],
)
def test_verdict(after: Evaluation, better: bool, said: str) -> None:
    found = verdict(BEFORE, after)
    assert found.better is better
    assert said in found.sentence
