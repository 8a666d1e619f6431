"""What a Camtrap DP package needs of its user: found out first, and asked for in one message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trailcam.errors import UsageError
from trailcam.export.camtrap_tables import Clock
from trailcam.settings.config import CAPTURE_METHODS, SAMPLING_DESIGNS, ProjectSettings, StationSettings
from trailcam.store.imported_package import Stay
from trailcam.sun.sky import zone_of
from trailcam.words.text import count, printable

_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Site:
    """A deployment's place: degrees of WGS 84, and the station's clock."""

    deployment_id: str
    latitude: float
    longitude: float
    clock: Clock


def sites_of(
    stays: Mapping[int, Stay],
    known: Mapping[str, tuple[float | None, float | None, str | None]],
    configured: Mapping[str, StationSettings],
    timezone: str | None,
    project: ProjectSettings,
) -> dict[int, Site]:
    """The place of each deployment by its number.

    ``configured`` stations, by name in any case, override ``known`` ones (latitude, longitude, zone);
    ``timezone`` (IANA) is for those without one. Raises UsageError that names every station without
    coordinates or zone and every key of ``project`` without a value.
    """
    own = {name.casefold(): settings for name, settings in configured.items()}
    sites: dict[int, Site] = {}
    unplaced: set[str] = set()
    zoneless: set[str] = set()
    for number, stay in stays.items():
        station = stay.deployment.station
        latitude, longitude, zone_name = known.get(station, (None, None, None))
        if settings := own.get(station.casefold()):
            if settings.latitude is not None:
                latitude, longitude = settings.latitude, settings.longitude
            zone_name = settings.timezone or zone_name
        zone = zone_of(zone_name, timezone)
        if latitude is None or longitude is None:
            unplaced.add(station)
        if zone is None:
            zoneless.add(station)
        if latitude is not None and longitude is not None and zone is not None:
            sites[number] = Site(printable(stay.deployment.deployment_id), latitude, longitude, Clock(zone))
    _refuse(sorted(unplaced), sorted(zoneless), project)
    return sites


def _refuse(unplaced: list[str], zoneless: list[str], project: ProjectSettings) -> None:
    """Raise UsageError for all that is missing, if anything is."""
    wanted = {
        "title": ("a title", project.title, '"Deer on our ranch"'),
        "contributors": ("who made it", project.contributors, '["Ann Example <ann@example.org>"]'),
        "sampling_design": (
            "how the places were chosen",
            project.sampling_design,
            f'"..."  # {", ".join(SAMPLING_DESIGNS)}',
        ),
        "capture_method": (
            "what triggers the cameras",
            project.capture_method,
            f'["..."]  # {", ".join(CAPTURE_METHODS)}',
        ),
    }
    asked = {key: (what, example) for key, (what, value, example) in wanted.items() if not value}
    lines = []
    if unplaced:
        lines.append(f"  coordinates of {count(len(unplaced), 'station')}: {_listed(unplaced)}")
    if zoneless:
        lines.append(f"  the time zone of {count(len(zoneless), 'station')}: {_listed(zoneless)}")
    lines += [f"  {what} ({key})" for key, (what, _) in asked.items()]
    if not lines:
        return
    hint = ["Nothing was written. Put what is missing into the configuration file (--config):"]
    if zoneless:
        hint.append('timezone = "America/Chicago"  # an example; or in a station\'s own table')
    if unplaced:
        hint.append("# coordinates also by: trailcam stations set NAME --latitude ... --longitude ...")
    for name in unplaced[:_SHOWN]:
        hint += [f"[stations.{_key(name)}]", "latitude = ...", "longitude = ..."]
    if asked:
        hint.append("[project]  # or the options " + ", ".join(f"--{key.replace('_', '-')}" for key in asked))
        hint += [f"{key} = {example}" for key, (_, example) in asked.items()]
    message = "Camtrap DP requires what photos don't state and trailcam doesn't invent:"
    raise UsageError("\n".join([message, *lines]), "\n".join(hint))


def _listed(names: Iterable[str]) -> str:
    shown = [printable(name) for name in names]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def _key(name: str) -> str:
    """A name as a key of TOML: bare where that is allowed, else quoted."""
    if name.replace("-", "").replace("_", "").isalnum() and name.isascii():
        return name
    return '"' + printable(name).replace("\\", "\\\\").replace('"', '\\"') + '"'
