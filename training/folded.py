"""Lite0's layers as a processor trains them quickly: bfloat16, normalisation merged into the weights, its statistics fixed.

Three things cost most of a step in plain torch: normalisation while it trains, float32, and the gradient of the weights
of depthwise convolutions of 5 x 5, for which there is no fast kernel (92 ms for what takes 1 ms forwards).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trailcam.detect.model.two_stage_crops import LiteNet


class Depthwise5(torch.autograd.Function):
    """A depthwise convolution of 5 x 5 without padding; the gradient of its weights comes from four of 3 x 3."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        """``x`` (n, c, h, w), padded; ``weight`` (c, 1, 5, 5)."""
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return F.conv2d(x, weight, bias, stride, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of input, weights and bias."""
        (grad,) = grads
        x, weight = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)

        def of_weights(x: Tensor, weight: Tensor) -> Tensor:
            step, wanted = [ctx.stride] * 2, [False, True, False]
            found: Tensor = torch.ops.aten.convolution_backward(
                grad, x, weight, None, step, [0, 0], [1, 1], False, [0, 0], len(weight), wanted
            )[1]
            return found

        spread = grad
        if ctx.stride == 2:  # the kernel for this would take thirty times as long
            inner = x[:, :, 2:-2, 2:-2]
            spread = torch.zeros_like(inner, memory_format=torch.channels_last)
            spread[:, :, ::2, ::2] = grad
        of_x = F.conv2d(spread, weight.flip(2, 3).contiguous(), None, 1, 4, groups=len(weight))
        of_weight = torch.empty_like(weight)
        high, wide = ((side - 1) * ctx.stride + 3 for side in grad.shape[2:])
        for i in (0, 2):
            for j in (0, 2):
                part = x[:, :, i : i + high, j : j + wide].contiguous(memory_format=torch.channels_last)
                some = weight[:, :, :3, :3].contiguous()
                of_weight[:, :, i : i + 3, j : j + 3] = of_weights(part, some)
        return of_x, of_weight, grad.sum((0, 2, 3), dtype=torch.float32).to(grad.dtype), None


def merged(pair: Any) -> tuple[nn.Conv2d, Tensor, Tensor]:
    """A convolution and its weights and bias with the normalisation after it, through which gradients flow."""
    conv, norm = pair[0], pair[1]
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    weight = conv.weight * scale[:, None, None, None]
    bias = norm.bias - norm.running_mean * scale
    return conv, weight.to(torch.bfloat16), bias.to(torch.bfloat16)


def convolved(x: Tensor, pair: Any) -> Tensor:
    """What a convolution and its normalisation make of ``x``, bfloat16."""
    conv, weight, bias = merged(pair)
    if conv.groups == 1:
        return F.conv2d(x, weight, bias)
    total = conv.kernel_size[0] - conv.stride[0]
    before, after = total // 2, total - total // 2
    if conv.kernel_size[0] == 3 and before == after:
        return F.conv2d(x, weight, bias, 1, before, 1, conv.groups)
    x = F.pad(x, (before, after, before, after)).contiguous(memory_format=torch.channels_last)
    if conv.kernel_size[0] == 5:
        y: Tensor = Depthwise5.apply(x, weight, bias, conv.stride[0])
        return y
    return F.conv2d(x, weight, bias, conv.stride, groups=conv.groups)


def folded(model: LiteNet, first: int, x: Tensor) -> Tensor:
    """Logits (n, classes) float32 of what the layers before ``first`` made of crops, (n, c, h, w)."""
    x = x.to(torch.bfloat16, memory_format=torch.channels_last)
    for block in model.layers[first:-1]:
        y = x if block.expand is None else F.relu6(convolved(x, block.expand))
        y = convolved(F.relu6(convolved(y, block.depth)), block.project)
        x = x + y if y.shape == x.shape else y
    x = F.relu6(convolved(x, model.layers[-1]))
    logits: Tensor = model.fc(x.float().mean((2, 3)))
    return logits
