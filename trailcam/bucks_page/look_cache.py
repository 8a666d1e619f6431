"""Vectors of crops that were computed before, one file for each model in the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trailcam.files.home import cache_folder

Vector = npt.NDArray[np.float32]


def default_folder() -> Path:
    """Where they are kept. The folder may be deleted at any time."""
    return cache_folder() / "looks"


class LookCache:
    """Vectors by the key of their crop, all of one model (``model``: see ``detect.model.looks``).

    What can't be read or written costs time, never the page. ``folder`` None keeps nothing.
    """

    def __init__(self, folder: Path | None, model: str) -> None:
        name = hashlib.blake2b(model.encode(), digest_size=12).hexdigest()
        self._path = folder / f"{name}.npz" if folder else None
        self._known = self._read()
        self._new = False

    def get(self, key: str) -> Vector | None:
        """The vector of a crop, None where it isn't known."""
        return self._known.get(key)

    def put(self, key: str, vector: Vector) -> None:
        """Remember a vector until :meth:`save`."""
        self._known[key] = np.asarray(vector, np.float32)
        self._new = True

    def save(self) -> None:
        """Write all to the file, whole or not at all, with what another process has put there since."""
        if self._path is None or not self._new:
            return
        known = {**self._read(), **self._known}
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, draft = tempfile.mkstemp(prefix=".", suffix=".part", dir=self._path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    np.savez(
                        file,
                        keys=np.array(list(known), "U40"),
                        vectors=np.array(list(known.values()), np.float16),
                    )
                Path(draft).replace(self._path)
            except OSError:
                Path(draft).unlink(missing_ok=True)
        self._new = False

    def _read(self) -> dict[str, Vector]:
        if self._path is None:
            return {}
        try:
            with self._path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                keys, vectors = file["keys"].tolist(), file["vectors"].astype(np.float32)
            return dict(zip(keys, vectors, strict=True)) if len({v.shape for v in vectors}) < 2 else {}
        except Exception:  # noqa: BLE001 - a damaged file makes numpy and zipfile raise nearly anything
            return {}
