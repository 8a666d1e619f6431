"""In which number format a model computes. Imports torch."""

from __future__ import annotations

from enum import StrEnum

import torch

from trailcam.errors import DeviceError


class Precision(StrEnum):
    """Number format of the layers. Boxes are always decoded in float32."""

    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"

    @property
    def dtype(self) -> torch.dtype:
        """The torch type. Raises KeyError for AUTO: see :func:`choose_precision`."""
        return _DTYPES[self]


_DTYPES = {
    Precision.FLOAT32: torch.float32,
    Precision.BFLOAT16: torch.bfloat16,
    Precision.FLOAT16: torch.float16,
}


def choose_precision(asked: Precision, device: torch.device) -> Precision:
    """AUTO -> the fastest format that computes natively on ``device`` and finds the same boxes.

    CPU: bfloat16 where the processor multiplies it in hardware (AVX512-BF16 or AMX), else
    float32. CUDA: float16 from compute capability 7.0 on (tensor cores). Others: float32.
    Raises DeviceError for float16 on a CPU, which is slower than float32 there.
    """
    if asked is Precision.FLOAT16 and device.type == "cpu":
        raise DeviceError(
            "float16 does not work well on a processor.",
            "Set TRAILCAM_DETECT_PRECISION, or precision under [detect] in the configuration, to auto, "
            "bfloat16 or float32.",
        )
    if asked is not Precision.AUTO:
        return asked
    if device.type == "cpu" and _cpu_has_bfloat16():
        return Precision.BFLOAT16
    if device.type == "cuda" and torch.cuda.get_device_capability(device) >= (7, 0):
        return Precision.FLOAT16
    return Precision.FLOAT32


def _cpu_has_bfloat16() -> bool:
    # torch tells only through private functions; without them, float32 is always right.
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in checks)
