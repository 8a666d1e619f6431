"""From a crop's class probabilities and its box's score to a name and a confidence, by a rule of the file.

With the probabilities p of a box that the first stage gave the score s::

    object     = s * (1 - p[none]) ** named
    species    = the likeliest of deer (all five classes) and every other class, given an object
    antlers    = share of the antlered classes of a deer
    sure       = object * species ** species_power                                    not a deer
    sure       = object * species ** species_power * max(antlers, 1 - antlers) ** sex_power   a deer
    confidence = sigmoid(bias + found * logit(sure))

A deer is of the antlered where ``antlers`` is at least ``antlered_at``, of the antlerless where it is below
``antlerless_at``, and between the two a plain "deer", whose confidence doesn't fall for its unknown sex. Of
the antlered it is the likeliest size, or a plain "buck" where that size's share stays below ``size_at``.

The last line changes no order. Its two constants are chosen on a validation split, so that of boxes with
0.2 one in five is something.
Imports torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trailcam.detect.model.two_stage_file import ANTLERED, ANTLERLESS, BUCK, DEER, NONE, NamingRule


def name_boxes(
    p: Tensor, scores: Tensor, names: Sequence[str], final: Sequence[str], rule: NamingRule
) -> tuple[Tensor, Tensor]:
    """Index into ``final`` (k,) int64 and confidence (k,) float32 of each box.

    ``p`` (k, classes) are the probabilities of the classes ``names``; ``scores`` (k,) the first stage's.
    """
    none = names.index(NONE)
    groups = [[names.index(name) for name in group] for group in (ANTLERLESS, ANTLERED)]
    others = [i for i in range(len(names)) if i != none and i not in groups[0] + groups[1]]
    place = torch.tensor([final.index(name) if name != NONE else -1 for name in names], device=p.device)

    whole = (1 - p[:, none]).clamp(min=1e-6)[:, None]
    sums = torch.stack([p[:, group].sum(1) for group in groups], 1)
    deer = sums.sum(1, keepdim=True)
    species, which = (torch.cat([deer, p[:, others]], 1) / whole).clamp(max=1).max(1)
    sure = scores * (1 - p[:, none]) ** rule.named * species**rule.species_power
    classes = place[torch.tensor([none, *others], device=p.device)[which]]

    is_deer = which == 0
    antlers = sums[:, 1] / deer[:, 0].clamp(min=1e-9)
    either = torch.maximum(antlers, 1 - antlers) ** rule.sex_power
    antlered, antlerless = antlers >= rule.antlered_at, antlers < rule.antlerless_at
    classes = torch.where(is_deer, final.index(DEER), classes)
    for group, chosen in zip(groups, (antlerless & ~antlered, antlered), strict=True):
        members = p[:, group]
        share, first = (members / members.sum(1, keepdim=True).clamp(min=1e-9)).max(1)
        answer = place[torch.tensor(group, device=p.device)[first]]
        if group is groups[1]:
            answer = torch.where(share >= rule.size_at, answer, final.index(BUCK))
        classes = torch.where(is_deer & chosen, answer, classes)
        sure = torch.where(is_deer & chosen, sure * either, sure)
    return classes, (rule.bias + rule.found * _logit(sure)).sigmoid()


def _logit(x: Tensor) -> Tensor:
    return x.float().clamp(1e-4, 1 - 1e-4).logit()
