"""A detector whose boxes a classifier names, as a pair's TOML file or `--classifier` says. Imports torch."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from trailcam.detect.model.classifier import Classifier
from trailcam.detect.model.frame import PAD_VALUE
from trailcam.detect.model.pair import asked_classes, check_classifier, pair_class_map
from trailcam.detect.model.protocol import Detector, RawDetections, RawOutput
from trailcam.detect.model.streams import Streams
from trailcam.settings.classmap import fold
from trailcam.words.text import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from trailcam.detect.model.find_weights import ModelPair, Weights

NOTHING = frozenset({"none", "blank", "empty", "background", "nothing"})
"""What classifiers call a crop without any animal: the box then stays the detector's."""


class PairDetector(Detector):
    """``detector``, with the classifier of ``weights``.

    Its classes are the detector's, then those that only the classifier knows. A box keeps the detector's
    confidence; one that the classifier named has that class's probability beside it. Raises WeightsError
    for a classifier that doesn't fit.
    """

    def __init__(self, detector: Detector, weights: Weights, pair: ModelPair, device: torch.device) -> None:
        self._detector = detector
        self._streams = Streams(device)
        self._device = device
        rules = pair.rules
        shown = printable(pair.classifier.path.name)
        self._asked = np.array(asked_classes(rules, detector.names, printable(pair.detector.path.name)))
        self._classifier = Classifier(pair.classifier, rules.classifier, device)
        names = self._classifier.names
        check_classifier(rules, names, shown)
        self.names = dict(detector.names)
        known = {fold(name): i for i, name in self.names.items()}
        for name in names:
            if fold(name) not in known:
                known[fold(name)] = number = max(self.names) + 1
                self.names[number] = name
        self._final = np.array([known[fold(name)] for name in names], np.int16)
        self._least = np.array(
            [
                2.0 if fold(name) in NOTHING else rules.thresholds.get(fold(name), rules.classifier.least)
                for name in names
            ],
            np.float32,
        )
        self.thresholds = self._recommended(rules.detector.confidence)
        self.frame, self.iou = detector.frame, detector.iou
        self.depth, self.pinned = detector.depth, detector.pinned
        self.model_key = weights.sha256
        self.precision, self.backend = detector.precision, detector.backend
        self.threadsafe = detector.threadsafe
        self.class_map = pair_class_map(rules, list(self.names.values()), names)

    def _recommended(self, confidence: float | None) -> dict[int, float]:
        """From which confidence a class counts: a named box is as sure as the box that was asked about."""
        given = dict(self._detector.thresholds)
        if confidence is not None:
            given = dict.fromkeys(self._detector.names, confidence) | given
        least = min((given[i] for i in self._asked.tolist() if i in given), default=None)
        if least is None:
            return given
        return dict.fromkeys(set(self._final.tolist()) - set(self._detector.names), least) | given

    def detect(self, pixels: Tensor) -> list[RawDetections]:
        return self.submit(pixels)()

    def submit(self, pixels: Tensor) -> Callable[[], list[RawDetections]]:
        return partial(self._finish, pixels, self._detector.submit(pixels))

    def raw(self, pixels: Tensor) -> RawOutput:
        height, width = pixels.shape[1:3]
        middle = torch.tensor([[width / 4, height / 4, width * 3 / 4, height * 3 / 4]], device=self._device)
        second = self._classifier(self._upload(pixels), [middle])[0].numpy()
        return replace(self._detector.raw(pixels), second=second)

    def warmup(self, height: int, width: int, batch: int) -> None:
        self._detector.warmup(height, width, batch)
        grey = torch.full((1, height, width, 3), PAD_VALUE, dtype=torch.uint8)
        self.raw(grey)

    def _upload(self, pixels: Tensor) -> Tensor:
        return self._streams.upload(pixels).permute(0, 3, 1, 2)

    def _finish(self, pixels: Tensor, results: Callable[[], list[RawDetections]]) -> list[RawDetections]:
        found = results()
        asked = [np.isin(raw.class_id, self._asked) for raw in found]
        rows = [i for i, some in enumerate(asked) if some.any()]
        if not rows:
            return found
        boxes = [torch.from_numpy(found[i].xyxy[asked[i]]).to(self._device) for i in rows]
        p = self._classifier(self._upload(pixels[rows]), boxes).numpy()
        return self._named(found, asked, p)

    def _named(
        self, found: Sequence[RawDetections], asked: Sequence[np.ndarray], p: np.ndarray
    ) -> list[RawDetections]:
        """The boxes with the classes that are probable enough; ``p`` (asked boxes, classes) in order."""
        best = p.argmax(1)
        sure = p[np.arange(len(p)), best].astype(np.float32)
        taken = sure >= self._least[best]
        results, begin = [], 0
        for raw, some in zip(found, asked, strict=True):
            part = slice(begin, begin := begin + int(some.sum()))
            class_id, probability = raw.class_id.copy(), np.full(len(some), np.nan, np.float32)
            places = np.flatnonzero(some)[taken[part]]
            class_id[places] = self._final[best[part][taken[part]]]
            probability[places] = sure[part][taken[part]]
            results.append(RawDetections(raw.xyxy, raw.confidence, class_id, probability))
        return results
