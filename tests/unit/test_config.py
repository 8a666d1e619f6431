from __future__ import annotations

import dataclasses
import json
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trailcam.domain import AgeClass, Kind
from trailcam.errors import ConfigError, UsageError
from trailcam.settings import config
from trailcam.settings.classmap import ClassRule, shipped_configs
from trailcam.settings.config import DetectSettings, Settings, load, scalar_rules, variable_of

EXAMPLE = shipped_configs() / "example.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "my.toml"


@pytest.fixture(autouse=True)
def _home_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of the machine's user is read."""
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "APPDATA", "LOCALAPPDATA", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))


def load_text(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load(file, {}, {})


def refusal(file: Path, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_text(file, text)
    assert str(file) in caught.value.message
    assert caught.value.exit_code == 2
    return caught.value


def test_without_a_file_the_defaults_hold() -> None:
    found = load(None, {}, {})
    assert found == Settings()
    assert found.source is None
    assert found.db.name == "trailcam.duckdb"
    assert found.db.is_absolute()
    assert found.report.gap == timedelta(minutes=30)
    assert found.detect.store_confidence == 0.05
    assert found.season("RUT").months == (9, 10, 11, 12, 1)


def test_each_source_overrides_the_one_before(file: Path) -> None:
    file.write_text('[detect]\nbatch = 2\nimgsz = 640\ndevice = "cpu"\nstore_confidence = 0.2\n')
    environ = {"TRAILCAM_DETECT_BATCH": "3", "TRAILCAM_DETECT_IMGSZ": "1280", "TRAILCAM_DETECT_DEVICE": ""}
    flags = {"detect.batch": "4", "detect.imgsz": None}
    assert load(file, {}, {}).detect.batch == 2
    assert load(file, {}, environ).detect.batch == 3
    found = load(file, flags, environ).detect
    assert found == DetectSettings(batch=4, imgsz=1280, device="cpu", store_confidence=0.2)


def test_a_higher_source_can_go_back_to_auto(file: Path) -> None:
    file.write_text("[detect]\nimgsz = 640\nbatch = 8\n[report]\nconfidence = 0.7\n")
    found = load(
        file, {"detect.imgsz": "auto", "report.confidence": "auto"}, {"TRAILCAM_DETECT_BATCH": "auto"}
    )
    assert (found.detect.imgsz, found.detect.batch, found.report.confidence) == (None, "auto", None)


def test_every_single_valued_key_has_its_variable(file: Path) -> None:
    good = {
        "db": "/tmp/x.duckdb",
        "timezone": "Europe/Berlin",
        "scan.station_from": "^([A-Z]+)",
        "scan.workers": "3",
        "scan.missing_limit": "0.5",
        "detect.weights": "w.pt",
        "detect.classifier": "c.pt",
        "detect.device": "cuda:0",
        "detect.batch": "16",
        "detect.workers": "0",
        "detect.imgsz": "960",
        "detect.store_confidence": "0.1",
        "detect.class_map": "coco",
        "detect.precision": "bfloat16",
        "detect.backend": "openvino",
        "detect.video_every": "0.5s",
        "report.confidence": "1",
        "report.gap": "1h30m",
        "report.silent_days": "14",
        "report.digest": "doe,UTV",
        "species.allowed": "bobcat,Puma concolor",
        "species.place": "TX",
        "report.per": "photo",
        "static.auto": "true",
        "project.title": "Deer",
        "project.contributors": "Ann Example <ann@example.org>, Bob",
        "project.sampling_design": "targeted",
        "project.capture_method": "timeLapse,activityDetection",
        "place.latitude": "30.25",
        "place.longitude": "-98.5",
    }
    assert set(good) == set(scalar_rules())
    defaults = dataclasses.asdict(load(None, {}, {}))
    from_variables = load(None, {}, {variable_of(name): value for name, value in good.items()})
    assert from_variables == load(None, good, {})
    for dotted in good:
        section, _, name = dotted.rpartition(".")
        found = dataclasses.asdict(from_variables)
        assert (found[section] if section else found)[name] != (defaults[section] if section else defaults)[
            name
        ]


def test_the_file_is_found_by_flag_then_variable_then_folder(tmp_path: Path) -> None:
    for name in ("flag", "variable"):
        (tmp_path / f"{name}.toml").write_text(f'db = "{name}.duckdb"')
    default = config.default_config()
    default.parent.mkdir(parents=True)
    default.write_text('db = "folder.duckdb"')
    environ = {"TRAILCAM_CONFIG": str(tmp_path / "variable.toml")}
    assert load(tmp_path / "flag.toml", {}, environ).db == tmp_path / "flag.duckdb"
    assert load(None, {}, environ).db == tmp_path / "variable.duckdb"
    assert load(None, {}, {"TRAILCAM_CONFIG": ""}).db == default.parent / "folder.duckdb"
    assert load(None, {}, environ).source == tmp_path / "variable.toml"


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist") as caught:
        load(tmp_path / "none.toml", {}, {})
    assert "--config" in caught.value.hint
    with pytest.raises(ConfigError, match="does not exist") as caught:
        load(None, {}, {"TRAILCAM_CONFIG": str(tmp_path / "none.toml")})
    assert "TRAILCAM_CONFIG" in caught.value.hint
    with pytest.raises(ConfigError, match="Cannot read"):
        load(tmp_path, {}, {})


def test_paths_expand_home_and_are_relative_to_their_file(file: Path, tmp_path: Path) -> None:
    found = load_text(file, 'db = "~/a.duckdb"\n[detect]\nweights = "m/w.pt"\nclass_map = "./c.toml"')
    assert found.db == Path.home() / "a.duckdb"
    assert found.detect.weights == tmp_path / "m" / "w.pt"
    assert Path(found.detect.class_map) == tmp_path / "c.toml"
    assert load_text(file, '[detect]\nclass_map = "coco"').detect.class_map == "coco"
    assert load(file, {"db": Path("b.duckdb")}, {}).db == Path("b.duckdb")


def test_a_relative_config_path_still_means_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.toml").write_text('db = "a.duckdb"')
    monkeypatch.chdir(tmp_path)
    assert load(Path("sub/c.toml"), {}, {}).db == tmp_path / "sub" / "a.duckdb"


def test_unknown_keys_name_the_place_and_the_nearest(file: Path) -> None:
    error = refusal(file, '[detect]\ndevize = "cpu"')
    assert '"devize" in [detect]' in error.message
    assert 'Did you mean "device"?' in error.hint
    assert all(f.name in error.hint for f in dataclasses.fields(DetectSettings))
    assert '"station"' in refusal(file, "[station.Hayfield]\nlatitude = 3").message
    assert 'Did you mean "latitude"' in refusal(file, "[stations.Hayfield]\nlatitud = 3").hint
    assert "source" not in refusal(file, "source = 3").hint


def test_unknown_variables_of_a_section_are_errors() -> None:
    with pytest.raises(ConfigError, match="TRAILCAM_DETECT_DEVCE") as caught:
        load(None, {}, {"TRAILCAM_DETECT_DEVCE": "cpu"})
    assert 'Did you mean "TRAILCAM_DETECT_DEVICE"?' in caught.value.hint
    load(None, {}, {"TRAILCAM_IMAGE_TAG": "7", "_TRAILCAM_COMPLETE": "x"})


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("db = 3", "db", "a path"),
        ('db = ""', "db", "a path"),
        ('db = "a\\u0000b"', "db", "a path"),
        ('db = "~nobody-of-that-name/x"', "db", "a path"),
        ('timezone = "America"', "timezone", "America/Chicago"),
        ('timezone = "/etc/passwd"', "timezone", "IANA"),
        ("timezone = 6", "timezone", "IANA"),
        ('[scan]\nstation_from = "("', "scan.station_from", "regular expression"),
        ("[scan]\nworkers = -1", "scan.workers", "from 0 to 256"),
        ("[scan]\nworkers = true", "scan.workers", "from 0 to 256"),
        ('[scan]\nworkers = "4"', "scan.workers", '"auto"'),
        ("[scan]\nmissing_limit = 20", "scan.missing_limit", "from 0 to 1"),
        ("[scan]\nmissing_limit = nan", "scan.missing_limit", "from 0 to 1"),
        ("[detect]\nbatch = 0", "detect.batch", "from 1"),
        ("[detect]\nbatch = 1.5", "detect.batch", "whole number"),
        ("[detect]\nimgsz = 650", "detect.imgsz", "a multiple of 32"),
        ("[detect]\nstore_confidence = 0", "detect.store_confidence", "0.001"),
        ("[detect]\nbatch = 0x" + "f" * 6000, "detect.batch", "whole number"),
        ('[detect]\ndevice = "gpu"', "detect.device", "cuda"),
        ('[detect]\nprecision = "int8"', "detect.precision", "bfloat16"),
        ("[detect]\ndevice = []", "detect.device", "cuda"),
        ('[detect]\nvideo_every = "0.05s"', "detect.video_every", "0.1s or more"),
        ("[detect]\nvideo_every = 1", "detect.video_every", "0.1s or more"),
        ("[report]\ngap = 30", "report.gap", "30m"),
        ('[report]\ngap = "30"', "report.gap", "30m"),
        ("[report]\nconfidence = [0.5]", "report.confidence", "from 0 to 1"),
        ('[project]\nsampling_design = "random"', "project.sampling_design", "simpleRandom"),
        ('[project]\ncapture_method = ["motion"]', "project.capture_method", "activityDetection"),
        ("[project]\ncontributors = []", "project.contributors", "Ann Example"),
        ("[seasons]\nrut = 9", "seasons.rut", "sep-jan"),
        ('[seasons]\nrut = "9-13"', "seasons.rut", "sep-jan"),
        ("detect = 3", "detect", "a table"),
        ("seasons = []", "seasons", "a table"),
        ("[stations]\nHayfield = 3", "stations.Hayfield", "a table"),
        ("[stations.H]\nlatitude = 91\nlongitude = 0", "stations.H.latitude", "from -90 to 90"),
        ('[classes.x]\nkind = "stag"', "classes.x.kind", "buck, doe, fawn"),
        ('[classes.x]\nage = "mid"', "classes.x", "buck, doe, fawn"),
        ('[classes.x]\nkind = "doe"\nage = "mid"', "classes.x.age", "Only bucks"),
    ],
)
def test_wrong_values_name_key_and_what_is_allowed(file: Path, text: str, key: str, allowed: str) -> None:
    error = refusal(file, text)
    assert key in error.message
    assert allowed in error.hint


def test_wrong_values_are_quoted_and_explained(file: Path) -> None:
    assert "detect.batch in " in refusal(file, '[detect]\nbatch = "lots"').message
    assert '"lots"' in refusal(file, '[detect]\nbatch = "lots"').message
    assert "no month 13" in refusal(file, '[seasons]\nrut = "9-13"').message
    assert 'Did you mean "America/Chicago"?' in refusal(file, 'timezone = "America/Chicgo"').message
    assert "\x1b" not in refusal(file, '[detect]\ndevice = "\\u001b[2J"').message


def test_wrong_flags_and_variables_are_named_as_typed() -> None:
    with pytest.raises(UsageError, match='--store-confidence on the command line is "2"'):
        load(None, {"detect.store_confidence": "2"}, {})
    with pytest.raises(ConfigError, match='TRAILCAM_REPORT_GAP in the environment is "soon"'):
        load(None, {}, {"TRAILCAM_REPORT_GAP": "soon"})


def test_latitude_and_longitude_come_together(file: Path) -> None:
    assert "not both" in refusal(file, "[stations.A]\nlatitude = 30").message
    found = load_text(file, '[stations.A]\nlatitude = 30\nlongitude = -98.5\ntimezone = "America/Denver"')
    assert (found.stations["A"].latitude, found.stations["A"].longitude) == (30.0, -98.5)


def test_seasons_add_to_the_built_in_one_or_replace_it(file: Path) -> None:
    found = load_text(file, '[seasons]\nspring = "3-5"\nRut = "10-12"')
    assert {name: season.months for name, season in found.seasons.items()} == {
        "spring": (3, 4, 5),
        "Rut": (10, 11, 12),
    }
    assert found.season("rut").months == (10, 11, 12)
    with pytest.raises(UsageError) as caught:
        found.season("autumn")
    assert "spring, Rut" in caught.value.hint


def test_classes_override(file: Path) -> None:
    found = load_text(file, '[classes.shooter]\nkind = "buck"\nage = "mature"')
    assert found.classes == {"shooter": ClassRule(Kind.BUCK, AgeClass.MATURE, None)}


def test_bad_toml_names_the_line(file: Path) -> None:
    assert "line 2" in refusal(file, 'timezone = "UTC"\ndb = trailcam').message
    assert "single quotes" in refusal(file, 'db = "C:\\Users\\me"').hint
    refusal(file, "a = " + "[" * 5000)
    refusal(file, "a = " + "9" * 5000)


def test_files_written_on_windows_are_read(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbf[detect]\r\nbatch = 4\r\n")
    assert load(file, {}, {}).detect.batch == 4
    file.write_bytes("[detect]".encode("utf-16"))
    with pytest.raises(ConfigError, match="UTF-8"):
        load(file, {}, {})


def test_the_example_is_the_defaults() -> None:
    found = load(EXAMPLE, {}, {})
    assert dataclasses.replace(found, source=None) == load(None, {}, {})


def test_the_example_names_every_key_and_its_examples_are_valid(file: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    uncommented = re.sub(r"^#(?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)
    found = load_text(file, uncommented)
    sections = re.split(r"^\[(.+)\]$", uncommented, flags=re.MULTILINE)
    keys = {
        f"{name}.{key}".removeprefix(".")
        for name, body in zip(["", *sections[1::2]], sections[0::2], strict=True)
        for key in re.findall(r"^([a-z_]+) = ", body, flags=re.MULTILINE)
    }
    named = {f"stations.Hayfield.{f.name}" for f in dataclasses.fields(config.StationSettings)}
    named |= {f"classes.shooter.{f.name}" for f in dataclasses.fields(ClassRule)}
    assert keys == {*scalar_rules(), *named, "seasons.rut", "seasons.spring"}
    assert list(found.stations) == ["Hayfield"]


def test_the_ranch_is_valid_and_invents_no_place() -> None:
    found = load(shipped_configs() / "ranch.toml", {}, {})
    assert found.timezone == "America/Chicago"
    assert len(found.stations) == 7
    assert {"Hayfield", "270_Jason", "Sanctuary", "TinMan", "Camphouse", "Phils_Secret_Spot"} < set(
        found.stations
    )
    assert all(station.latitude is None for station in found.stations.values())
    assert found.season("rut").wraps


def to_toml(value: object) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{json.dumps(key, ensure_ascii=False)} = {to_toml(entry)}" for key, entry in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(to_toml, value)) + "]"
    return (
        json.dumps(value, ensure_ascii=False)
        .replace("Infinity", "inf")
        .replace("NaN", "nan")
        .replace("\x7f", "")
    )


SECTIONS = ["scan", "detect", "report", "static", "project", "place", "seasons", "stations", "classes"]
KEYS = [name.split(".")[-1] for name in scalar_rules()] + [
    "rut",
    "kind",
    "age",
    "species",
    "latitude",
    "longitude",
]
words = st.sampled_from(["auto", "cpu", "folder", "9-1", "30m", "rut", "buck", "UTC", "mid", "~", "a/b"])
no_surrogates = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    words | no_surrogates | st.integers() | st.integers(0, 64) | st.floats() | st.floats(0, 1) | st.booleans()
)
names = st.sampled_from([*KEYS, *SECTIONS]) | no_surrogates
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3)
)
# Mostly keys that exist, so that the values are reached; the second half may hold anything.
known = st.fixed_dictionaries(
    {},
    optional={
        section: st.dictionaries(
            st.sampled_from(
                [name.split(".")[1] for name in scalar_rules() if name.startswith(f"{section}.")]
            ),
            values,
            max_size=3,
        )
        for section in SECTIONS[:5]
    }
    | {section: st.dictionaries(no_surrogates, values, max_size=3) for section in SECTIONS[5:]},
)
tables = known | st.dictionaries(st.sampled_from(SECTIONS) | names, values, max_size=4)
fuzz = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)


def outcome(file: Path | None, environ: dict[str, str]) -> Settings | ConfigError:
    """Settings or a ConfigError fit to be shown; anything else fails the test."""
    try:
        return load(file, {}, environ)
    except ConfigError as error:
        (error.message + error.hint).encode("utf-8")
        return error


@fuzz
@given(tables)
def test_any_tables_are_settings_or_a_config_error(file: Path, table: dict[str, object]) -> None:
    lines = [f"{json.dumps(key, ensure_ascii=False)} = {to_toml(value)}" for key, value in table.items()]
    file.write_text("\n".join(lines), encoding="utf-8")
    found = outcome(file, {})
    assert isinstance(found, Settings) or found.hint


@fuzz
@given(st.sampled_from(sorted(scalar_rules())), scalars)
def test_any_value_of_a_key_is_taken_or_refused_by_name(file: Path, dotted: str, value: object) -> None:
    section, _, name = dotted.rpartition(".")
    header = f"[{section}]\n" if section else ""
    file.write_text(f"{header}{name} = {to_toml(value)}", encoding="utf-8")
    found = outcome(file, {})
    assert isinstance(found, Settings) or dotted in found.message


@fuzz
@given(st.binary(max_size=40))
def test_any_bytes_are_settings_or_a_config_error(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    found = outcome(file, {})
    assert isinstance(found, Settings) or found.hint


@fuzz
@given(st.sampled_from(sorted(scalar_rules())), st.binary(max_size=8).filter(lambda raw: b"\0" not in raw))
def test_any_variable_is_taken_or_refused_by_name(dotted: str, raw: bytes) -> None:
    found = outcome(None, {variable_of(dotted): os.fsdecode(raw)})
    assert isinstance(found, Settings) or variable_of(dotted) in found.message or dotted in found.message
