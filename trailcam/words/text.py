"""Text that goes to a terminal: what can't be shown safely is shown as an escape."""

from __future__ import annotations

import unicodedata

# Marks that reorder the text around them, so that a name can pretend to be another
# (Unicode Standard Annex 9, section 2: embeddings, overrides, isolates and marks).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # controls, surrogates, line separators
# A spreadsheet takes a cell that begins so for a formula and runs it (OWASP, "CSV Injection").
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_LONGEST_MESSAGE = 240
_IRREGULAR_ENDINGS = ("s", "x", "z", "ch", "sh")


def printable(text: str) -> str:
    r"""``text`` on one line, harmless to a terminal.

    Control characters (C0, DEL, C1: so every terminal escape sequence, line breaks and tabs too), marks that
    reorder text, line separators and lone surrogates become visible escapes; all else is unchanged. A byte
    of a file name that is not UTF-8 (a surrogate escape, PEP 383) shows as that byte: ``\xff``. Characters up
    to U+00FF show as ``\xNN``, others as ``\uNNNN``. The result always encodes to UTF-8. It is for
    reading and can't be turned back, because a backslash in ``text`` stays a backslash.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if _is_unsafe(char) else char for char in text)


def clean_message(text: object) -> str:
    """One line, at most 240 characters, harmless to a terminal and encodable as UTF-8."""
    line = printable(" ".join(str(text).split()))
    return line if len(line) <= _LONGEST_MESSAGE else line[: _LONGEST_MESSAGE - 1] + "…"


def no_formula(text: str) -> str:
    """``text`` as a CSV cell that no spreadsheet runs: an apostrophe is put in front of a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def count(n: int, noun: str, plural: str | None = None) -> str:
    """``n`` with thousands separators and the noun it counts: ``1 photo``, ``35,251 photos``, ``2 boxes``.

    ``plural`` is given for nouns that don't form it with -s or -es: ``count(2, "deer", "deer")``.
    """
    if n == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(_IRREGULAR_ENDINGS) else "s"
    return f"{n:,} {noun + ending if plural is None else plural}"


def _is_unsafe(char: str) -> bool:
    return char in _BIDI or unicodedata.category(char) in _UNSAFE_CATEGORIES


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"
