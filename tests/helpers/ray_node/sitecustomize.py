"""What is wrong with a node of the tests' Ray cluster: Python runs this first in each of its processes.

TRAILCAM_TEST_NO_DRIVE: this folder can't be listed here. A file ``poison.jpg`` kills whoever opens it.
"""

import os
from typing import Any

_open, _scandir = os.open, os.scandir


def _poisoned(path: Any, *args: Any, **more: Any) -> int:  # noqa: ANN401
    if str(path).endswith("poison.jpg"):
        os._exit(1)
    return _open(path, *args, **more)


def _unmounted(path: Any = ".") -> Any:  # noqa: ANN401
    if str(path) == os.environ["TRAILCAM_TEST_NO_DRIVE"]:
        raise FileNotFoundError(2, "No such file or directory", path)
    return _scandir(path)


os.open = _poisoned
if "TRAILCAM_TEST_NO_DRIVE" in os.environ:
    os.scandir = _unmounted
