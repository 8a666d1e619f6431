"""A classifier of crops, ultralytics' or an ONNX file's. Imports torch.

Its crops are those of the starter's second stage: squares around boxes, with a margin, cut from the frame
that the detector saw, all of a batch at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from trailcam.detect.model.onnx_file import open_session, told_names
from trailcam.detect.model.two_stage_crops import cut, filled_up
from trailcam.detect.model.yolo import load_classifier
from trailcam.errors import PipelineError, WeightsError
from trailcam.words.text import clean_message, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from trailcam.detect.model.find_weights import Weights
    from trailcam.detect.model.pair import NamerRules

_PX = 224  # of classifiers that name no size
_AT_ONCE = 64  # crops; a batch of photos may hold hundreds


class Classifier:
    """A classifier on a device.

    ``names``: its classes in the order of its answers. Raises WeightsError for a file that is no classifier.
    """

    def __init__(self, weights: Weights, rules: NamerRules, device: torch.device) -> None:
        self._device = device
        self._margin = rules.margin
        suffix = weights.path.suffix.lower()
        if suffix == ".onnx":
            self._net, names, side = _onnx(weights, device)
        elif suffix == ".pt":
            self._net, names = load_classifier(weights, device)
            side = None
        else:
            raise WeightsError(
                f"{printable(weights.path.name)} can't be a pair's classifier.",
                "Use classification weights of ultralytics (.pt), or an ONNX file.",
            )
        self.names = rules.classes or names
        if not self.names:
            raise WeightsError(
                f"The classifier {printable(weights.path.name)} names no classes.",
                'Name them in order in the TOML file of a pair: classes = ["bobcat"] under [classifier].',
            )
        self._side = side or rules.imgsz or weights.size.imgsz or _PX
        self._mean, self._std = (
            torch.tensor(values or fallback, device=device).view(1, 3, 1, 1)
            for values, fallback in ((rules.mean, (0.0,) * 3), (rules.std, (1.0,) * 3))
        )
        self._logits = self._judge(weights, rules.output)

    @torch.inference_mode()
    def __call__(self, frames: Tensor, boxes: Sequence[Tensor]) -> Tensor:
        """Probabilities of all boxes in order, (k, classes) float32 on the CPU.

        ``frames`` (n, 3, h, w) uint8 on the device; ``boxes`` for each (k_i, 4) ``xyxy`` px. Raises
        PipelineError for NaN or infinity.
        """
        crops = cut(frames, boxes, self._side, self._margin)
        parts = [self._probabilities(crops[i : i + _AT_ONCE]) for i in range(0, len(crops), _AT_ONCE)]
        p = torch.cat(parts) if parts else torch.zeros(0, len(self.names))
        if not bool(torch.isfinite(p).all()):
            raise PipelineError(
                "The pair's classifier gave an impossible answer on this device.",
                "No photo of this batch was marked. Try --device cpu.",
            )
        return p

    def _probabilities(self, crops: Tensor) -> Tensor:
        answer = self._net(filled_up((crops - self._mean) / self._std))[: len(crops)].float().cpu()
        return answer.softmax(1) if self._logits else answer

    def _judge(self, weights: Weights, said: str) -> bool:
        """Whether it answers with logits. Raises WeightsError where its answer fits no list of classes."""
        noise = torch.from_numpy(np.random.default_rng(0).random((2, 3, self._side, self._side), np.float32))
        shown = printable(weights.path.name)
        try:
            with torch.inference_mode():
                answer = self._net(noise.to(self._device)).float().cpu()
        except Exception as error:  # whatever runs it raises what it likes
            raise WeightsError(
                f"The classifier {shown} can't be run: {clean_message(error)}",
                "Does it take crops as (n, 3, height, width)? imgsz under [classifier] sets their size.",
            ) from error
        if answer.shape != (2, len(self.names)):
            raise WeightsError(
                f"The classifier {shown} answers with {tuple(answer.shape[1:])} numbers for {len(self.names)}"
                " classes.",
                "Is it a classifier, and are its classes (in the pair's TOML file: `classes`) all named?",
            )
        if said != "auto":
            return said == "logits"
        sums = answer.sum(1)
        return not bool((answer >= 0).all() and ((sums - 1).abs() < 1e-3).all())


def _onnx(
    weights: Weights, device: torch.device
) -> tuple[Callable[[Tensor], Tensor], tuple[str, ...], int | None]:
    """Network, class names and fixed side of an ONNX file."""
    session = open_session(weights.path, device)
    named = told_names(session.told)
    return session.run, tuple(named[i] for i in sorted(named)), session.shape[2]
