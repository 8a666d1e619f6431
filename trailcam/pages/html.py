"""One self-contained HTML file: what the gallery and the review page are made of.

Everything a page needs is in it, and its content security policy lets the browser load nothing else. What
comes from file names and EXIF is data: it sits in a JSON block in which no ``<`` is left, and the scripts put
it into the page as text alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Shown:
    """How one photo appears. ``thumb`` and ``large`` are base64, or names in the folder beside the page.

    ``problem`` says why there is no picture ("missing: ...", "unreadable: ..."); empty where there is one.
    """

    thumb: str = ""
    large: str = ""
    ratio: float = 4 / 3
    problem: str = ""


def asset(package: str, name: str) -> str:
    """The text of a file that ships in ``package``."""
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")


def render(
    template: str, *, style: str, script: str, data: object, shown: Iterable[Shown], images: str
) -> bytes:
    """The whole file, UTF-8: ``template`` with its ``@@parts@@`` put in.

    ``images`` are the sources of pictures that the policy allows; ``shown`` are embedded.
    """
    parts = {
        "policy": f"default-src 'none'; img-src {images}; style-src '{_hash(style)}';"
        f" script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'",
        "style": style,
        "data": _as_json(data),
        "script": script,
        "pictures": "\n".join(_embedded(shown)),
    }
    # In one pass over the template: nothing that is put in is looked at again.
    pieces = template.split("@@")
    return "".join(piece if n % 2 == 0 else parts[piece] for n, piece in enumerate(pieces)).encode()


def _hash(text: str) -> str:
    """What a content security policy calls an inline block by (CSP level 3, section 6.7.2)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _as_json(value: object) -> str:
    """JSON in which nothing can end the script element that holds it, nor open a comment in it."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _embedded(shown: Iterable[Shown]) -> Iterator[str]:
    """The pictures as blocks that no browser runs: small ones first, as they are needed first."""
    listed = list(shown)
    for which in ("thumb", "large"):
        for n, photo in enumerate(listed):
            if encoded := getattr(photo, which):
                yield f'<script type="text/plain" id="{which}-{n}">{encoded}</script>'
