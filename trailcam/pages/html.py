"""HTML pages from templates: what comes from file names, EXIF and models is escaped everywhere.

A page is a folder with ``page.html`` (a jinja2 template that extends ``pages/base.html``), ``page.css`` and,
where it has a script, ``page.js``. Its one stylesheet and its one script begin with what all pages share.
The file holds all that the page needs, and its content security policy lets the browser load nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from trailcam.words.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True, slots=True)
class Shown:
    """How one photo appears. ``thumb`` and ``large`` are base64, or names in the folder beside the page.

    ``problem`` says why there is no picture ("missing: ...", "unreadable: ..."); empty where there is one.
    """

    thumb: str = ""
    large: str = ""
    ratio: float = 4 / 3
    problem: str = ""


def render(
    page: str,
    *,
    data: object = None,
    shown: Iterable[Shown] = (),
    images: str = "'none'",
    asks: bool = False,
    **fields: object,
) -> bytes:
    """The whole file of the page in the folder ``page``, UTF-8. One that ``asks`` has answers to save.

    ``fields`` are the template's own. ``data`` is what page.js reads; without it the page has no script.
    ``images`` are the sources of pictures that the policy allows; ``shown`` are embedded.
    """
    from markupsafe import Markup

    shared = asset("pages/page.css") + (asset("pages/answers.css") if asks else "")
    style = shared + asset(f"{page}/page.css")
    script = asset("pages/common.js") + asset(f"{page}/page.js") if data is not None else ""
    scripts = f"'{_hash(script)}'" if script else "'none'"
    policy = (
        f"default-src 'none'; img-src {images}; style-src '{_hash(style)}'; script-src {scripts};"
        " base-uri 'none'; form-action 'none'"
    )
    text = (
        _environment()
        .get_template(f"{page}/page.html")
        .render(
            fields,
            # The program's own, and the data in a form that no script element ends at.
            policy=Markup(policy),
            style=Markup(style),
            script=Markup(script),
            data=Markup(_as_json(data)),
            pictures=Markup("\n".join(_embedded(shown))),
        )
    )
    # Data may hold half characters, of a file name that isn't UTF-8; texts are printable by now.
    return text.encode("utf-8", "backslashreplace")


def asset(path: str) -> str:
    """The text of a file that ships in the package, by its path under ``trailcam``."""
    return resources.files("trailcam").joinpath(path).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    def harmless(value: object) -> object:
        return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    return Environment(
        autoescape=True,
        finalize=harmless,
        loader=FunctionLoader(asset),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


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
