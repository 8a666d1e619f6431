"""Changing single keys of a configuration file; comments, order and all other keys stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tomlkit
from tomlkit.exceptions import TOMLKitError

from trailcam.errors import ConfigError
from trailcam.files.write import write_file
from trailcam.words.text import printable


def set_keys(path: Path, values: Mapping[str, int | str]) -> None:
    """Set dotted keys (``"detect.batch"``) in the TOML file ``path``, which is made if it is absent.

    Raises ConfigError for a file that isn't TOML or whose table isn't one, OutputError where it can't be
    written; the file is then as it was.
    """
    found = path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    text = found.replace("\r\n", "\n")
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(
            f"The configuration file {printable(str(path))} isn't TOML: {printable(str(error))}",
            "Fix it, then try again; nothing was changed.",
        ) from error
    for dotted, value in values.items():
        section, _, key = dotted.partition(".")
        if section not in document:
            document[section] = tomlkit.table()
        table = document[section]
        if not isinstance(table, tomlkit.items.Table | tomlkit.items.InlineTable):
            raise ConfigError(
                f"{section} in {printable(str(path))} isn't a table.",
                f"Write [{section}] on a line of its own.",
            )
        table[key] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = "\r\n" if "\r\n" in found else "\n"
    write_file(path, tomlkit.dumps(document).replace("\n", ending).encode("utf-8"))
