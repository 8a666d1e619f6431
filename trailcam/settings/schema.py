"""TOML files of which every key is checked, with messages that say how to fix them.

A dataclass is the schema: a field annotated ``Annotated[type, rule]`` is a key a file may hold, and the
:class:`KeyRule` is what its value must keep. Field names are the names of the keys.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import tomllib
import typing
import warnings
import zoneinfo
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path

from trailcam.errors import ConfigError, TrailcamError
from trailcam.words.text import printable

_SHOWN_LENGTH = 60


class Refused(Exception):
    """A value its rule does not allow; the text, if any, says more than the rule's ``allowed``."""


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What a key may hold.

    ``allowed`` completes the sentence "It must be ...". ``check`` gets the value and the folder to which a
    relative path belongs (None: the working directory), returns the value to use, and raises Refused.
    """

    allowed: str
    check: Callable[[object, Path | None], object]


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where values come from: ``where`` reads after a key's name ("in FILE", "in the environment").

    ``textual`` sources hold text alone, so that numbers are read from it. ``error`` is what to raise.
    """

    where: str
    base: Path | None = None
    textual: bool = False
    error: type[TrailcamError] = ConfigError


@functools.cache
def rules_of(schema: type) -> Mapping[str, KeyRule]:
    """The keys of a schema and their rules, in order."""
    hints = typing.get_type_hints(schema, include_extras=True)
    return {
        name: extra
        for name, hint in hints.items()
        for extra in getattr(hint, "__metadata__", ())
        if isinstance(extra, KeyRule)
    }


def read_toml(path: Path, what: str) -> dict[str, object]:
    """The tables of a TOML file in UTF-8, with or without a byte order mark.

    ``what`` names the file in messages ("configuration file"). Raises ConfigError.
    """
    shown = printable(str(path))
    try:
        content = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(
            f"The {what} {shown} is not UTF-8 text.", 'Save it with the encoding "UTF-8".'
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"Cannot read the {what} {shown}: {why}.", "Check the path.") from error
    try:
        return tomllib.loads(content)
    except RecursionError:
        raise ConfigError(f"The {what} {shown} is nested too deeply.", "Fix or replace it.") from None
    except ValueError as error:
        raise ConfigError(
            f"The {what} {shown} is not valid TOML: {printable(str(error))}.",
            "Text needs quotes; a Windows path needs single quotes: db = 'D:\\trailcam\\trailcam.duckdb'",
        ) from error


def check_value(rule: KeyRule, value: object, name: str, source: ValueSource) -> object:
    """``value`` as its rule gives it back.

    Raises ``source.error``, which names key, place, value and what is allowed.
    """
    note = ""
    for candidate in _candidates(value) if source.textual else [value]:
        try:
            return rule.check(candidate, source.base)
        except Refused as refused:
            note = note or str(refused)
    raise source.error(
        f"{printable(name)} {source.where} is {_show(value)}{': ' + note if note else ''}.",
        f"It must be {rule.allowed}.",
    )


def check_table(schema: type, table: object, name: str, source: ValueSource) -> dict[str, object]:
    """The keys of ``table``, checked by ``schema``: unknown, missing and wrong ones raise ConfigError."""
    entries = as_table(table, name, source)
    rules = rules_of(schema)
    refuse_unknown(entries, rules, name, source)
    for field in dataclasses.fields(schema):
        required = field.default is field.default_factory is dataclasses.MISSING
        if required and field.name in rules and field.name not in entries:
            place = f"[{printable(name)}]" if name else "The top level"
            raise source.error(
                f'{place} {source.where} lacks the key "{field.name}".',
                f"It must be {rules[field.name].allowed}.",
            )
    return {
        k: check_value(rules[k], value, f"{name}.{k}" if name else k, source) for k, value in entries.items()
    }


def as_table(table: object, name: str, source: ValueSource) -> Mapping[str, object]:
    """``table`` if it is a TOML table; raises ConfigError otherwise."""
    if isinstance(table, Mapping):
        return table
    raise source.error(
        f"{printable(name)} {source.where} is {_show(table)}.",
        f"It must be a table of keys and values, under the heading [{printable(name)}].",
    )


def refuse_unknown(keys: Iterable[str], valid: Iterable[str], name: str, source: ValueSource) -> None:
    """Raise ConfigError for the first of ``keys`` that is not ``valid`` in the table ``name`` ("": none)."""
    known = list(valid)
    place = f" in [{printable(name)}]" if name else ""
    for unknown in keys:
        if unknown not in known:
            raise source.error(
                f'Unknown key "{printable(unknown)}"{place} {source.where}.',
                f"{_nearest(unknown, known)}Valid{place}: {', '.join(known)}.",
            )


def text(allowed: str = "text that is not empty", pattern: str | None = None) -> KeyRule:
    """Text that is not blank and, if given, matches ``pattern`` as a whole."""

    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str) or not value.strip() or (pattern and not re.fullmatch(pattern, value)):
            raise Refused
        return value

    return KeyRule(allowed, check)


def names(*examples: str) -> KeyRule:
    """A list of names, or one text with commas between them; a tuple, each name once."""
    shown = ", ".join(f'"{example}"' for example in examples or ("mature", "person"))

    def check(value: object, _base: Path | None) -> object:
        found = value.split(",") if isinstance(value, str) else value
        if not isinstance(found, list | tuple) or not all(isinstance(name, str) for name in found):
            raise Refused
        stripped = tuple(dict.fromkeys(name.strip() for name in found))
        if not stripped or not all(stripped):
            raise Refused("a name is empty" if stripped else "it is empty")
        return stripped

    return KeyRule(f"a list of names in quotes, such as [{shown}]", check)


def word(known: Iterable[str]) -> KeyRule:
    """One of the words ``known``."""
    known = tuple(known)
    return text(f"one of {', '.join(known)}", "|".join(map(re.escape, known)))


def words(known: Iterable[str]) -> KeyRule:
    """A list of words out of ``known``, or one text with commas between them; a tuple, each once."""
    known = tuple(known)
    listed = names()

    def check(value: object, base: Path | None) -> object:
        found = listed.check(value, base)
        if not isinstance(found, tuple) or not set(found) <= set(known):
            raise Refused
        return found

    return KeyRule(f"one or more of {', '.join(known)}", check)


def whole(low: int, high: int, step: int = 1, words: Mapping[str, object] | None = None) -> KeyRule:
    """A multiple of ``step`` from ``low`` to ``high``; or one of ``words``, given back as its value."""
    kind = "a whole number" if step == 1 else f"a multiple of {step}"

    def check(value: object, _base: Path | None) -> object:
        if isinstance(value, str) and words and value in words:
            return words[value]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high or value % step:
            raise Refused
        return value

    return KeyRule(f"{kind} from {low} to {high}{_or(words)}", check)


def number(low: float, high: float, words: Mapping[str, object] | None = None) -> KeyRule:
    """A float from ``low`` to ``high``; or one of ``words``, given back as its value."""

    def check(value: object, _base: Path | None) -> object:
        if isinstance(value, str) and words and value in words:
            return words[value]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise Refused
        return float(value)

    return KeyRule(f"a number from {low:g} to {high:g}{_or(words)}", check)


def flag() -> KeyRule:
    """True or false; in text "true" or "false"."""

    def check(value: object, _base: Path | None) -> object:
        if isinstance(value, str) and value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise Refused
        return value

    return KeyRule("true or false", check)


def choice(enum: type[StrEnum]) -> KeyRule:
    """A value of ``enum``, given back as its member."""

    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str) or value not in list(enum):
            raise Refused
        return enum(value)

    return KeyRule(f"one of {', '.join(enum)}", check)


def file_path() -> KeyRule:
    """A path; ``~`` is expanded, one in a file is relative to that file's folder. Given back as a Path."""

    def check(value: object, base: Path | None) -> object:
        if not isinstance(value, str | Path) or not str(value).strip() or "\0" in str(value):
            raise Refused
        try:
            path = Path(value).expanduser()
        except RuntimeError:
            raise Refused("no such user") from None
        return base / path if base else path

    return KeyRule("a path", check)


def time_zone() -> KeyRule:
    """A time zone of the IANA database, such as America/Chicago."""

    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str):
            raise Refused
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder, as "America" is
            zones = zoneinfo.available_timezones()
            note = (
                _nearest(value, sorted(zones)).strip() if zones else "this system has no time zone database"
            )
            raise Refused(note.rstrip(".")) from None
        return value

    return KeyRule("a time zone of the IANA database, such as America/Chicago", check)


def day() -> KeyRule:
    """A day, as TOML writes dates, with or without quotes."""

    def check(value: object, _base: Path | None) -> object:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            return date.fromisoformat(str(value))
        except ValueError:
            raise Refused from None

    return KeyRule("a day, such as 2025-03-01", check)


def regex_or(word: str) -> KeyRule:
    """``word``, or a regular expression that compiles. Given back as text."""

    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str) or not value.strip():
            raise Refused
        if value == word:
            return value
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what a later Python may read otherwise works today
                re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            raise Refused(printable(str(error))) from None
        return value

    return KeyRule(f'"{word}" or a regular expression', check)


def _candidates(value: object) -> list[object]:
    """``value`` and, if it is text that reads as a number, that number."""
    found: list[object] = [value]
    if isinstance(value, str):
        for convert in (int, float):
            try:
                found.append(convert(value))
            except ValueError:
                continue
    return found


def _or(words: Mapping[str, object] | None) -> str:
    return "".join(f', or "{word}"' for word in words or ())


def _nearest(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word.casefold(), [k.casefold() for k in known], n=1)
    found = [k for k in known if near and k.casefold() == near[0]]
    return f'Did you mean "{found[0]}"? ' if found else ""


def _show(value: object) -> str:
    """A value as a message quotes it: short, and safe for a terminal."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return str(value).lower()
    try:
        shown = printable(str(value))
    except ValueError:  # Python refuses to print integers of more than 4300 digits
        return "a very large number"
    if len(shown) > _SHOWN_LENGTH:
        shown = shown[:_SHOWN_LENGTH] + "..."
    return shown if isinstance(value, int | float) else f'"{shown}"'
