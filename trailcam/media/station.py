"""Which station a photo belongs to, read from its path under the root.

By default the station is the first folder that no camera, computer or program makes by itself. They make:

- the containers of memory cards: ``DCIM``, ``MFDC``, ``PRIVATE``, ``MISC``;
- the DCF folders inside them (DCF 2.0 / CIPA DC-009, section 3.2.2): a number 100..999 and exactly five
  characters out of ``A-Z 0-9 _``: ``100RECNX``, ``100_BTCF``, ``100MEDIA``, ``101_PANA``; and those of
  cameras that don't keep to it: ``EK000001``, ``202311__``, ``100APPLE__``;
- copies of these: ``DCIM (2)``, ``DCIM - Copy``, ``DCIM copy``, ``DCIM.bak``, ``100EK113 (1)``;
- folders that nobody gave a name: ``New folder (2)``, ``photos``; what lies in a library of Apple's Photos.

A station may look like one of them. ``270_Jason`` doesn't: it is too long. ``270Jason`` doesn't either: a
camera writes capitals, or its card is shown all in lower case, but it never mixes. Of ``270JASON`` the path
decides: DCF folders hold photos and no folders, so a DCF name with a camera folder of another kind
below it (``270JASON/DCIM/...``, ``270JASON/100RECNX/...``) was made by a person. What remains is
``270JASON/photo.jpg``, which counts as a camera folder; a ``--station-from`` expression can say otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from trailcam.errors import UsageError
from trailcam.media.copy_marks import plain_folder
from trailcam.media.file_kinds import PHOTO_PACKAGES

NO_STATION = "unassigned"
FOLDER = "folder"

_CONTAINERS = frozenset({"DCIM", "MFDC", "PRIVATE", "MISC", "NO NAME"})
_DCF = re.compile(r"[1-9][0-9]{2}([A-Z0-9_]{5})")
_NEARLY_DCF = re.compile(r"[1-9][0-9]{2}[A-Z0-9_]{5}_{1,3}|20[0-9]{4}_[A-Z_]|[A-Z]{2}0[0-9]{5}")
_NAMELESS = frozenset(
    {
        *("new folder", "untitled folder", "neuer ordner", "nouveau dossier", "nueva carpeta", "nova pasta"),
        *("photos", "pictures", "images", "fotos", "bilder"),
    }
)
# Controls, line and paragraph separators, and marks that reverse the text around them.
_UNPRINTABLE = frozenset({"Cc", "Zl", "Zp"})
_BIDI_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class StationRule:
    """How a station's name is found: by folder (``pattern`` is None) or by a regular expression."""

    pattern: re.Pattern[str] | None = None

    @classmethod
    def parse(cls, text: str) -> StationRule:
        """Read the word ``folder`` or a regular expression with one group, or one named ``station``.

        Raises UsageError for an expression that doesn't compile or doesn't say which part is the station.
        """
        if text.strip().lower() == FOLDER:
            return cls()
        hint = "Give the word folder, or an expression such as '^([^/]+)/' or 'site_(?P<station>[A-Z0-9]+)'."
        if not text.strip():
            raise UsageError("--station-from is empty.", hint)
        try:
            pattern = re.compile(text)
        except re.error as error:
            at = "" if error.pos is None else f" at character {error.pos + 1}"
            message = f"--station-from {text!r} is not a regular expression: {error.msg}{at}."
            raise UsageError(message, hint) from None
        if "station" not in pattern.groupindex and pattern.groups != 1:
            message = f"--station-from {text!r} has {pattern.groups} groups: which part is the station?"
            raise UsageError(message, hint)
        return cls(pattern)

    def station(self, path: str) -> str:
        """Station of ``path`` (relative to the root, with ``/``), NO_STATION if it names none. Never raises.

        The expression is searched in the path after Unicode normalisation (NFC).
        """
        path = unicodedata.normalize("NFC", path)
        if self.pattern is None:
            return _clean(_first_own_folder(path.split("/")[:-1])) or NO_STATION
        found = self.pattern.search(path)
        if found is None:
            return NO_STATION
        return _clean(found["station" if "station" in self.pattern.groupindex else 1] or "") or NO_STATION


def _first_own_folder(folders: Sequence[str]) -> str:
    for index, folder in enumerate(folders):
        if folder.lower().endswith(PHOTO_PACKAGES):
            return ""  # whatever lies inside has names that a program gave
        plain = plain_folder(folder)
        if plain.lower() not in _NAMELESS and not _is_camera_folder(
            plain, [plain_folder(other) for other in folders[index + 1 :]]
        ):
            return folder
    return ""


def _is_camera_folder(name: str, below: Sequence[str]) -> bool:
    if name not in (name.upper(), name.lower()):
        return False
    if name.upper() in _CONTAINERS or _NEARLY_DCF.fullmatch(name.upper()):
        return True
    dcf = _DCF.fullmatch(name.upper())
    return dcf is not None and not any(_is_camera_folder_unlike(dcf[1], other) for other in below)


def _is_camera_folder_unlike(free_characters: str, name: str) -> bool:
    """Whether ``name`` is a camera folder other than a sibling (101RECNX beside 100RECNX)."""
    dcf = _DCF.fullmatch(name.upper()) if name in (name.upper(), name.lower()) else None
    return name.upper() in _CONTAINERS or (dcf is not None and dcf[1] != free_characters)


def _clean(name: str) -> str:
    """A name that can be stored and printed; the same on macOS (which decomposes letters) and elsewhere."""
    kept = "".join(c for c in name if unicodedata.category(c) not in _UNPRINTABLE and c not in _BIDI_MARKS)
    # Bytes that are not UTF-8 reach us as lone surrogates, which no database takes: spell them out, so
    # that two such names stay two.
    return kept.encode("utf-8", "backslashreplace").decode("utf-8").strip()
