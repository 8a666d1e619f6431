"""What can be the name of a buck."""

from __future__ import annotations

import re
import unicodedata

from trailcam.errors import UsageError
from trailcam.settings.classmap import fold
from trailcam.words.text import printable

LONGEST = 60
UNNAMED = "unnamed"
"""What reports call the bucks that nobody has named; so no buck can be called so."""
_SPACES = re.compile(r"\s+")


def tidied(text: str) -> str:
    """A text without blanks around it, with one blank between words, in one Unicode form."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def clean_name(text: str) -> str:
    """A name as it is recorded: without blanks around it, one between words. Raises UsageError."""
    name = tidied(text)
    if not name:
        raise UsageError("A buck's name can't be empty.", 'Example: "Split Brow"')
    if len(name) > LONGEST:
        raise UsageError(f"A buck's name has at most {LONGEST} characters.", f"This one has {len(name)}.")
    if printable(name) != name or "|" in name:
        raise UsageError(
            f'"{printable(name)}" can\'t be a name.', "Write letters, digits and signs other than |."
        )
    if fold(name) == UNNAMED:
        raise UsageError(f'No buck can be called "{name}".', "Reports call those so that nobody has named.")
    return name
