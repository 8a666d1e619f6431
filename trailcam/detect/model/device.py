"""Which device computes, what it is called, and how busy it is. torch is imported on use only."""

from __future__ import annotations

import contextlib
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trailcam.errors import DeviceError
from trailcam.words.text import clean_message

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch

_INSTALL_CUDA = (
    "Install the CUDA build of torch in this environment (on Windows and Linux: choose your CUDA version on "
    "pytorch.org, 'Get started')"
)
_SILENCE = "--device cpu silences this."
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory")
_FAULTS = ("cuda error", "cudnn error", "cublas", "hip error", "mps backend", "no kernel image", "nvml")
"""How torch's plain RuntimeErrors begin that are a device's; newer ones are AcceleratorErrors."""


def resolve(name: str) -> torch.device:
    """``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` -> a device that is there.

    ``auto`` takes the first NVIDIA GPU that the installed packages can use, then Apple's, then the processor.
    Raises DeviceError for a name that means nothing or a device that can't be used, and says what to do
    about it.
    """
    import torch

    asked = name.strip().lower()
    if asked == "auto":
        n_cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
        fit = next((i for i in range(n_cards) if _misfit(i) is None), None)
        if fit is not None:
            return torch.device(f"cuda:{fit}")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = asked.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdecimal()) or (kind != "cuda" and index):
        raise DeviceError(
            f"Unknown device {clean_message(name)!r}.", "Use auto, cpu, cuda, cuda:0, cuda:1 ... or mps."
        )
    if kind == "cuda":
        return _cuda(int(index or 0))
    if kind == "mps" and not torch.backends.mps.is_available():
        raise DeviceError(
            "This machine has no Apple GPU that torch can use.", "Use --device auto or --device cpu."
        )
    return torch.device(kind)


def unused_gpu() -> str | None:
    """What keeps trailcam from this machine's NVIDIA GPU, and what to do about it; None without such a GPU.

    To be asked where ``auto`` is the processor. The pip of Windows installs a torch for processors alone.
    """
    import torch

    if torch.cuda.is_available():
        why = _misfit(0)
        return None if why is None else f"{why[0]} The processor is used. {why[1]} {_SILENCE}"
    card = _nvidia_card()
    if card is None:
        return None
    if torch.version.cuda is None:
        return (
            f"The {card} is not used: the installed torch ({torch.__version__}) was built without CUDA. "
            f"{_INSTALL_CUDA}. {_SILENCE}"
        )
    return (
        f"The {card} is not used: torch needs a driver for CUDA {torch.version.cuda}, and this one seems "
        f"too old. Update the NVIDIA driver (in WSL that of Windows). {_SILENCE}"
    )


def _misfit(index: int) -> tuple[str, str] | None:
    """Why the installed packages can't use a GPU that torch sees, and what to do; None where they can."""
    import torch

    from trailcam.detect.model.vision_ops import works_on

    name = torch.cuda.get_device_name(index)
    major, minor = torch.cuda.get_device_capability(index)
    built = torch.cuda.get_arch_list()
    if not _is_built_for(major, minor, built):
        return (
            f"The installed torch ({torch.__version__}) isn't built for the {name}, whose compute capability "
            f"is {major}.{minor} (it is built for {', '.join(built)}).",
            "A card as old as this needs an older torch, one that is newer a newer torch: see pytorch.org, "
            "'Get started', 'Previous versions'.",
        )
    if not works_on("cuda"):
        return (
            f"The installed torchvision can't compute on the {name}, though torch can.",
            "Install torch and torchvision together, for the same CUDA version: "
            f"{sys.executable} -m pip install --force-reinstall torch torchvision, with the --index-url that "
            "pytorch.org, 'Get started', shows.",
        )
    return None


def _is_built_for(major: int, minor: int, built: list[str]) -> bool:
    """Whether code for one of those architectures runs on a card; True where torch doesn't tell.

    ``sm_86`` runs on 8.6 and newer ones of 8; ``compute_90``, which drivers translate, on all from 9.0 on.
    """
    for entry in built:
        kind, _, digits = entry.partition("_")
        number = digits.rstrip("af")
        if not number.isdecimal():
            continue
        there = (int(number[:-1] or 0), int(number[-1]))
        if (kind == "compute" and there <= (major, minor)) or (there[0] == major and there[1] <= minor):
            return True
    return not built


@contextlib.contextmanager
def device_failures() -> Iterator[None]:
    """Inside, what torch says of a device that failed becomes a DeviceError that says what to do."""
    try:
        yield
    except RuntimeError as error:
        told = _device_error(error)
        if told is None:
            raise
        raise told from error


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether a device had too little memory, which most of them say in the text alone."""
    import torch

    said = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(text in said for text in _OUT_OF_MEMORY)


def _device_error(error: RuntimeError) -> DeviceError | None:
    import torch

    if is_out_of_memory(error):
        return DeviceError(
            "The device has too little memory for the model.",
            "Close other programs that use it (`nvidia-smi` lists them), choose a smaller --imgsz, or use "
            "--device cpu.",
        )
    said = str(error).lower()
    if not isinstance(error, torch.AcceleratorError) and not any(fault in said for fault in _FAULTS):
        return None
    return DeviceError(
        f"The device failed: {clean_message(str(error).splitlines()[0])}",
        "Everything saved so far stays; run the same command again to continue. If it fails again: update "
        "the driver, undo any overclocking, or use --device cpu.",
    )


def _nvidia_card() -> str | None:
    """The first card that the NVIDIA driver lists; None without a driver, or where it finds none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    ask = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError, UnicodeError):
        return None
    return clean_message(done.stdout.splitlines()[0]) if done.stdout.strip() else None


def _cuda(index: int) -> torch.device:
    import torch

    if torch.version.cuda is None:
        raise DeviceError(
            f"The installed torch ({torch.__version__}) was built without CUDA.",
            f"{_INSTALL_CUDA}, or use --device cpu.",
        )
    if not torch.cuda.is_available():
        raise DeviceError(
            "torch finds no NVIDIA GPU.",
            "Try `nvidia-smi`: if it fails too, the driver is missing or too old for CUDA "
            f"{torch.version.cuda}; in WSL the driver is the one of Windows; in Docker the container needs "
            "--gpus all. Or use --device cpu.",
        )
    count = torch.cuda.device_count()
    if index >= count:
        known = ", ".join(f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(count))
        raise DeviceError(f"There is no cuda:{index}.", f"There is: {known}.")
    why = _misfit(index)
    if why is not None:
        raise DeviceError(why[0], f"{why[1]} Or use --device cpu.")
    return torch.device(f"cuda:{index}")


def free_on_device(device: torch.device) -> int | None:
    """Bytes of a GPU's own memory that are free; None for a processor, and where nothing tells."""
    import torch

    if device.type != "cuda":
        return None
    with contextlib.suppress(RuntimeError):  # some virtual GPUs don't tell
        return int(torch.cuda.mem_get_info(device)[0])
    return None


def describe(device: torch.device) -> str:
    """A device for people: ``NVIDIA GeForce RTX 4080 SUPER (cuda:0, 16 GB)``, ``AMD EPYC (cpu)``."""
    import torch

    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name} ({device}, {properties.total_memory / 2**30:.0f} GB)"
    return f"Apple GPU ({device})" if device.type == "mps" else f"{_processor_name()} (cpu)"


def _processor_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return clean_message(line.partition(":")[2])
    return clean_message(platform.processor() or platform.machine() or "processor")


@dataclass(frozen=True, slots=True)
class GpuUse:
    """A moment of an NVIDIA GPU: ``busy`` 0..1, memory in bytes of the whole device."""

    busy: float
    memory_used: int
    memory_total: int


class GpuMonitor:
    """Asks the NVIDIA driver how busy a GPU is. Without one, or without its library, answers None."""

    def __init__(self, device: torch.device) -> None:
        self._handle: object | None = None
        if device.type != "cuda":
            return
        with contextlib.suppress(Exception):  # any failure means: nothing to show, never: no run
            import pynvml
            import torch

            pynvml.nvmlInit()
            # By UUID, because CUDA_VISIBLE_DEVICES renumbers torch's devices and not the driver's.
            uuid = f"GPU-{torch.cuda.get_device_properties(device).uuid}"
            self._handle = pynvml.nvmlDeviceGetHandleByUUID(uuid)

    def read(self) -> GpuUse | None:
        """Use in this moment, or None."""
        if self._handle is None:
            return None
        with contextlib.suppress(Exception):
            import pynvml

            rates = pynvml.nvmlDeviceGetUtilizationRates(self._handle)
            memory = pynvml.nvmlDeviceGetMemoryInfo(self._handle)
            return GpuUse(rates.gpu / 100, int(memory.used), int(memory.total))
        return None
