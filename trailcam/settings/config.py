"""The settings of a run, merged in one place: defaults < configuration file < environment < flags.

The configuration file is the one given by ``--config``, else by ``TRAILCAM_CONFIG``, else ``config.toml`` in
the user's configuration folder if it exists. ``configs/example.toml`` shows every key. Every single-valued
key can be set in the environment as well: ``TRAILCAM_<KEY>`` or ``TRAILCAM_<SECTION>_<KEY>`` in capitals, as
``TRAILCAM_DB`` or ``TRAILCAM_DETECT_DEVICE``; an empty variable counts as not set.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Literal

from trailcam.domain import FALLBACK_CONFIDENCE as FALLBACK_CONFIDENCE
from trailcam.errors import ConfigError, UsageError
from trailcam.files.home import config_folder, data_folder
from trailcam.settings import schema as tables
from trailcam.settings.classmap import ClassRule, class_map_rule, rule_from_table
from trailcam.settings.ranges import SpeciesList, place_rule, species_list
from trailcam.settings.schema import KeyRule, Refused, ValueSource, check_table, check_value
from trailcam.words.months import DEFAULT_FIRST_MONTH, Season, parse_months
from trailcam.words.span import parse_duration
from trailcam.words.text import printable

Auto = Literal["auto"]

SILENT_DAYS = 7
DIGEST_CLASSES = ("mature", "person", "vehicle", "coyote")

SAMPLING_DESIGNS = (
    *("simpleRandom", "systematicRandom", "clusteredRandom"),
    *("experimental", "targeted", "opportunistic"),
)
CAPTURE_METHODS = ("activityDetection", "timeLapse")

_SHORTEST_STEP = timedelta(seconds=0.1)  # between frames of a video that are looked at
_PREFIX = "TRAILCAM_"
_CONFIG_VARIABLE = "TRAILCAM_CONFIG"
_AUTO: Mapping[str, object] = {"auto": "auto"}
_AUTO_NONE: Mapping[str, object] = {"auto": None}
_DEVICE = tables.text('"auto", "cpu", "mps", "cuda" or "cuda:0"', r"auto|cpu|mps|cuda(:[0-9]{1,2})?")
_BACKEND = tables.text('"auto", "torch" or "openvino"', "auto|torch|openvino")
_PRECISION = tables.text('"auto", "float32", "bfloat16" or "float16"', "auto|float32|bfloat16|float16")


def _duration_rule() -> KeyRule:
    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str):
            raise Refused
        try:
            return parse_duration(value)
        except UsageError as error:
            raise Refused(error.message.rstrip(".")) from None

    return KeyRule('a time with its unit, such as "30m", "90s" or "1h30m"', check)


def _seconds_rule() -> KeyRule:
    duration = _duration_rule()

    def check(value: object, base: Path | None) -> object:
        found = duration.check(value, base)
        assert isinstance(found, timedelta)
        if found < _SHORTEST_STEP:
            raise Refused
        return found.total_seconds()

    return KeyRule('0.1s or more, with its unit, such as "1s" or "0.5s"', check)


def _months_rule() -> KeyRule:
    def check(value: object, _base: Path | None) -> object:
        if not isinstance(value, str):
            raise Refused
        try:
            return parse_months(value)
        except UsageError as error:
            raise Refused(error.message.rstrip(".")) from None

    return KeyRule('months in quotes, such as "9-1", "9,10,11" or "sep-jan"', check)


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """``[scan]``. ``missing_limit`` is the share (0..1) of a root's known photos that may be gone."""

    station_from: Annotated[str, tables.regex_or("folder")] = "folder"
    workers: Annotated[int | Auto, tables.whole(0, 256, words=_AUTO)] = "auto"
    missing_limit: Annotated[float, tables.number(0, 1)] = 0.20


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """``[detect]``. ``imgsz`` is in pixels of the longer side, None for the model's own size.

    ``weights`` None means those that come with trailcam; ``classifier`` names what they find, None: nobody.
    ``store_confidence`` is 0.001..1. ``video_every``: of videos one frame in so many seconds is looked at.
    """

    weights: Annotated[Path | None, tables.file_path()] = None
    classifier: Annotated[Path | None, tables.file_path()] = None
    device: Annotated[str, _DEVICE] = "auto"
    batch: Annotated[int | Auto, tables.whole(1, 4096, words=_AUTO)] = "auto"
    workers: Annotated[int | Auto, tables.whole(0, 256, words=_AUTO)] = "auto"
    imgsz: Annotated[int | None, tables.whole(32, 8192, step=32, words=_AUTO_NONE)] = None
    store_confidence: Annotated[float, tables.number(0.001, 1)] = 0.05
    class_map: Annotated[str, class_map_rule()] = "auto"
    precision: Annotated[str, _PRECISION] = "auto"
    backend: Annotated[str, _BACKEND] = "auto"
    video_every: Annotated[float, _seconds_rule()] = 1.0


@dataclass(frozen=True, slots=True)
class ReportSettings:
    """``[report]``. ``confidence`` None: what the weights recommend, else
    :data:`FALLBACK_CONFIDENCE`.

    A break of more than ``silent_days`` days without a photo counts as a camera that fell silent. ``digest``
    names the classes, kinds or age classes of bucks that a digest tells of. ``per`` is "visit"
    where a deer has one class in all photos of its visit, "photo" where each box keeps its own.
    """

    confidence: Annotated[float | None, tables.number(0, 1, words=_AUTO_NONE)] = None
    gap: Annotated[timedelta, _duration_rule()] = timedelta(minutes=30)
    silent_days: Annotated[int, tables.whole(1, 366)] = SILENT_DAYS
    digest: Annotated[tuple[str, ...], tables.names()] = DIGEST_CLASSES
    per: Annotated[str, tables.word(("visit", "photo"))] = "visit"

    @property
    def per_visit(self) -> bool:
        """Whether a deer has one class in all photos of its visit."""
        return self.per == "visit"


@dataclass(frozen=True, slots=True)
class StaticSettings:
    """``[static]``. ``auto``: hide what ``static find`` is sure of, without asking."""

    auto: Annotated[bool, tables.flag()] = False


@dataclass(frozen=True, slots=True)
class SpeciesSettings:
    """``[species]``: the animals that may be there, by a ``place`` of the table that ships, by name, or both.

    An answer that can't be becomes the smallest group that it shares with one that can.
    """

    place: Annotated[str | None, place_rule()] = None
    allowed: Annotated[tuple[str, ...], tables.names("bobcat", "Odocoileus virginianus")] = ()

    @property
    def listed(self) -> SpeciesList:
        """The list that results; false where all animals may be there."""
        return species_list(self.place, self.allowed)


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """``[project]``: what exchange formats ask for and no photo says. Nothing of it has a default.

    The words of ``sampling_design`` and ``capture_method`` are those of Camtrap DP 1.0.2.
    """

    title: Annotated[str | None, tables.text()] = None
    contributors: Annotated[tuple[str, ...], tables.names("Ann Example <ann@example.org>")] = ()
    sampling_design: Annotated[str | None, tables.word(SAMPLING_DESIGNS)] = None
    capture_method: Annotated[tuple[str, ...], tables.words(CAPTURE_METHODS)] = ()


@dataclass(frozen=True, slots=True)
class PlaceSettings:
    """``[place]``: where the cameras are, for stations without a place of their own. Degrees of WGS 84.

    Raises ConfigError for one without the other.
    """

    latitude: Annotated[float | None, tables.number(-90, 90)] = None
    longitude: Annotated[float | None, tables.number(-180, 180)] = None

    def __post_init__(self) -> None:
        if (self.latitude is None) != (self.longitude is None):
            given, lacking = ("latitude", "longitude")[:: 1 if self.longitude is None else -1]
            raise ConfigError(
                f"The configuration has place.{given}, but no place.{lacking}.",
                "Give both, or leave both out.",
            )

    @property
    def known(self) -> tuple[float, float] | None:
        """Latitude and longitude, None where they aren't given."""
        if self.latitude is None or self.longitude is None:
            return None
        return self.latitude, self.longitude


@dataclass(frozen=True, slots=True)
class StationSettings:
    """``[stations.NAME]``. Degrees of WGS 84; ``timezone`` overrides the general one.

    ``until`` is the last day of a station that was given up.
    """

    latitude: Annotated[float | None, tables.number(-90, 90)] = None
    longitude: Annotated[float | None, tables.number(-180, 180)] = None
    timezone: Annotated[str | None, tables.time_zone()] = None
    notes: Annotated[str | None, tables.text()] = None
    until: Annotated[date | None, tables.day()] = None


def default_db() -> Path:
    """Where the database lies if nothing else is said: the user's data folder, as the system defines it."""
    return data_folder() / "trailcam.duckdb"


def default_config() -> Path:
    """The configuration file that is read, if it exists, when none is named."""
    return config_folder() / "config.toml"


def _default_seasons() -> dict[str, Season]:
    return {"rut": Season("rut", (9, 10, 11, 12, 1))}


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings. ``source`` is the configuration file that was read, None if there was none.

    ``seasons`` holds the built-in ``rut`` and the user's; ``classes`` override the class map's entries.
    """

    db: Annotated[Path, tables.file_path()] = field(default_factory=default_db)
    timezone: Annotated[str | None, tables.time_zone()] = None
    scan: ScanSettings = field(default_factory=ScanSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    static: StaticSettings = field(default_factory=StaticSettings)
    species: SpeciesSettings = field(default_factory=SpeciesSettings)
    project: ProjectSettings = field(default_factory=ProjectSettings)
    place: PlaceSettings = field(default_factory=PlaceSettings)
    seasons: Mapping[str, Season] = field(default_factory=_default_seasons)
    stations: Mapping[str, StationSettings] = field(default_factory=dict)
    classes: Mapping[str, ClassRule] = field(default_factory=dict)
    source: Path | None = None

    def season(self, name: str) -> Season:
        """The season of that name, in any case. Raises UsageError that lists the known ones."""
        for known, season in self.seasons.items():
            if known.casefold() == name.strip().casefold():
                return season
        raise UsageError(
            f'There is no season "{printable(name)}".',
            f"Known: {', '.join(map(printable, self.seasons))}. "
            'Add one to the configuration: [seasons] spring = "3-5"',
        )

    def first_month(self, season: str | None) -> int:
        """The month (1..12) that begins a season-year: that of the season named, else September."""
        return self.season(season).year_begins if season is not None else DEFAULT_FIRST_MONTH


_SECTIONS: Mapping[str, type] = {
    "scan": ScanSettings,
    "detect": DetectSettings,
    "report": ReportSettings,
    "static": StaticSettings,
    "species": SpeciesSettings,
    "project": ProjectSettings,
    "place": PlaceSettings,
}
_NAMED = ("seasons", "stations", "classes")


def scalar_rules() -> dict[str, KeyRule]:
    """Every single-valued key, ``"db"`` or ``"detect.device"``, and what it may hold."""
    rules = dict(tables.rules_of(Settings))
    for section, schema in _SECTIONS.items():
        rules |= {f"{section}.{name}": rule for name, rule in tables.rules_of(schema).items()}
    return rules


def variable_of(dotted: str) -> str:
    """The environment variable of a key: ``"detect.device"`` -> ``"TRAILCAM_DETECT_DEVICE"``."""
    return _PREFIX + dotted.replace(".", "_").upper()


def load(config: Path | None, flags: Mapping[str, object], environ: Mapping[str, str]) -> Settings:
    """Settings from the configuration file, the environment and the flags, the later winning.

    ``config``: the file named by ``--config``. ``flags``: key (``"db"``, ``"detect.batch"``) -> value;
    None means not given. ``environ``: usually ``os.environ``. Raises ConfigError for what the file or the
    environment holds and UsageError for a flag, naming the key, the value and what is allowed.
    """
    path = _find_config(config, environ)
    table: Mapping[str, object] = tables.read_toml(path, "configuration file") if path else {}
    source = ValueSource(f"in {printable(str(path))}", base=path.absolute().parent if path else None)
    tables.refuse_unknown(
        table, [f.name for f in dataclasses.fields(Settings) if f.name != "source"], "", source
    )
    scalars = _from_file(table, source) | _from_environment(environ) | _from_flags(flags)
    top = {name: value for name, value in scalars.items() if "." not in name}
    sections = {section: schema(**_section(scalars, section)) for section, schema in _SECTIONS.items()}
    return Settings(**top, **sections, **_named_tables(table, source), source=path)  # type: ignore[arg-type]


def _find_config(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = config or (Path(environ[_CONFIG_VARIABLE]) if environ.get(_CONFIG_VARIABLE) else None)
    if named is None:
        try:
            return default if (default := default_config()).is_file() else None
        except UsageError:  # no home, so no file in it
            return None
    checked = check_value(
        tables.file_path(), named, "--config" if config else _CONFIG_VARIABLE, ValueSource("as given")
    )
    path = Path(str(checked))
    if not path.exists():
        how = "--config" if config else f"the environment variable {_CONFIG_VARIABLE}"
        raise ConfigError(
            f"The configuration file {printable(str(path))} does not exist.",
            f"It was named by {how}; check the path.",
        )
    return path


def _from_file(table: Mapping[str, object], source: ValueSource) -> dict[str, object]:
    top = {name: value for name, value in table.items() if name not in _SECTIONS and name not in _NAMED}
    found = check_table(Settings, top, "", source)
    for section, schema in _SECTIONS.items():
        values = check_table(schema, table.get(section, {}), section, source)
        found |= {f"{section}.{name}": value for name, value in values.items()}
    return found


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    source = ValueSource("in the environment", textual=True)
    variables = {variable_of(dotted): (dotted, rule) for dotted, rule in scalar_rules().items()}
    ours = [
        name
        for name in environ
        if name.startswith(tuple(f"{variable_of(section)}_" for section in _SECTIONS))
    ]
    tables.refuse_unknown(ours, variables, "", source)
    return {
        dotted: check_value(rule, environ[name], name, source)
        for name, (dotted, rule) in variables.items()
        if environ.get(name)
    }


def _from_flags(flags: Mapping[str, object]) -> dict[str, object]:
    source = ValueSource("on the command line", textual=True, error=UsageError)
    rules = scalar_rules()
    return {
        dotted: check_value(rules[dotted], value, "--" + dotted.split(".")[-1].replace("_", "-"), source)
        for dotted, value in flags.items()
        if value is not None
    }


def _section(scalars: Mapping[str, object], section: str) -> dict[str, object]:
    prefix = f"{section}."
    return {name.removeprefix(prefix): value for name, value in scalars.items() if name.startswith(prefix)}


def _named_tables(table: Mapping[str, object], source: ValueSource) -> dict[str, object]:
    entries = {name: tables.as_table(table.get(name, {}), name, source) for name in _NAMED}
    for section, names in entries.items():
        if any(not name.strip() for name in names):
            raise ConfigError(f"An entry of [{section}] {source.where} has an empty name.", "Give it a name.")
    rule = _months_rule()
    seasons = _default_seasons()
    for name, value in entries["seasons"].items():
        months = check_value(rule, value, f"seasons.{name}", source)
        seasons = {known: season for known, season in seasons.items() if known.casefold() != name.casefold()}
        seasons[name] = Season(name, months)  # type: ignore[arg-type]  # the rule gives months
    return {
        "seasons": seasons,
        "stations": {
            name: _station(entry, f"stations.{name}", source) for name, entry in entries["stations"].items()
        },
        "classes": {
            name: rule_from_table(entry, f"classes.{name}", source)
            for name, entry in entries["classes"].items()
        },
    }


def _station(entry: object, name: str, source: ValueSource) -> StationSettings:
    station = StationSettings(**check_table(StationSettings, entry, name, source))  # type: ignore[arg-type]
    if (station.latitude is None) != (station.longitude is None):
        raise ConfigError(
            f"[{printable(name)}] {source.where} has a latitude or a longitude, but not both.",
            "Give both, or leave both out.",
        )
    return station
