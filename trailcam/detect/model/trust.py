"""Which weights the user trusts, by their sha256. Imports no torch.

The list lies in the user's data folder, not in the database: trust is one person's on one machine, and a
database may come from a stranger as well. docs/decisions/ says why there is a list.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from trailcam.errors import WeightsError
from trailcam.files.home import data_folder
from trailcam.words.text import printable


def trust_file() -> Path:
    """Where the list lies: JSON, sha256 -> the file's name and when it was trusted."""
    return data_folder() / "trusted-weights.json"


def trusted() -> dict[str, dict[str, str]]:
    """The list. If it can't be read, nothing is trusted."""
    try:
        found = json.loads(trust_file().read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(k): v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def is_trusted(sha256: str) -> bool:
    """Whether the user trusts weights with that hash."""
    return sha256 in trusted()


def trust(name: str, sha256: str) -> None:
    """Remember that the user trusts the weights. Raises WeightsError where that can't be written."""
    if is_trusted(sha256):
        return
    file = trust_file()
    entry = {"name": printable(name), "trusted_at": datetime.now(UTC).isoformat(timespec="seconds")}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft = file.with_name(f"{file.name}.part")
        draft.write_text(json.dumps(trusted() | {sha256: entry}, indent=1), encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise WeightsError(
            f"Trust can't be recorded in {printable(str(file))}: {error.strerror or error}.",
            "Nothing was loaded. Make sure that you may write to its folder.",
        ) from error
