"""What bench and tune make of their measurements, and the configuration that tune writes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from trailcam.bench.measure import Ceilings, efficiency, together
from trailcam.bench.photos import mixed, render, sample
from trailcam.bench.scratch_sink import outcomes, scratch_sink
from trailcam.bench.try_settings import ROUNDS, settings_to_try, tune, tune_report, winner
from trailcam.detect.choose.plan import Plan
from trailcam.detect.pipeline.run_report import PipelineReport
from trailcam.errors import ConfigError, RootError
from trailcam.settings.config import load
from trailcam.settings.config_file import set_keys


def test_stages_that_share_cores_take_turns() -> None:
    assert together(100.0, 100.0) == pytest.approx(50.0)
    assert together(300.0, 60.0) == pytest.approx(50.0)


def test_the_slowest_ceiling_limits_and_an_absent_one_does_not() -> None:
    found = Ceilings(read=900.0, decode=300.0, transfer=None, infer=60.0, write=9000.0, both=50.0)
    assert found.slowest == ("both", 50.0)
    assert dataclasses.replace(found, both=None, transfer=20.0).slowest == ("transfer", 20.0)


def test_efficiency_is_shown_only_where_enough_was_measured() -> None:
    assert efficiency(90.0, 100.0, 5.0) == pytest.approx(0.9)
    assert efficiency(103.0, 100.0, 5.0) == pytest.approx(1.03)
    assert efficiency(237.0, 100.0, 5.0) is None
    assert efficiency(90.0, 100.0, 0.2) is None


def test_rendered_photos_differ_and_have_the_bytes_of_real_ones(tmp_path: Path) -> None:
    photos = render(tmp_path / "a", 3, 640, 480)
    contents = {(photos.root / name).read_bytes() for name in photos.paths}
    assert len(contents) == 3
    assert 0.1 < photos.bytes_each / (640 * 480) < 0.5  # real day photos: 0.1 to 0.4
    again = render(tmp_path / "b", 3, 640, 480)
    assert {(again.root / name).read_bytes() for name in again.paths} == contents
    with Image.open(photos.root / photos.paths[0]) as image:
        assert image.size == (640, 480)


def test_a_mixed_set_has_all_sizes_by_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trailcam.bench.photos.SIZES", {"one": (64, 48), "two": (128, 96)})
    photos = mixed(tmp_path, 5)
    sizes = []
    for path in photos.paths:
        with Image.open(tmp_path / path) as image:
            sizes.append(image.width)
    assert sizes == [64, 128, 64, 128, 64]


def test_a_sample_is_spread_and_always_the_same(tmp_path: Path) -> None:
    for n in range(20):
        (tmp_path / f"{n:02}.jpg").write_bytes(b"\xff\xd8\xff" + bytes(n))
    some = sample(tmp_path, 5)
    assert some == sample(tmp_path, 5)
    assert (len(some.paths), some.n_found) == (5, 20)
    with pytest.raises(RootError):
        sample(tmp_path / "none", 5)


def test_the_writer_of_measurements_is_the_real_one() -> None:
    with scratch_sink(10) as sink:
        sink.write(outcomes(1, 10))
        with sink._database.read() as db:
            found = db.execute("SELECT count(*) FILTER (status = 'completed') FROM images").fetchone()
            boxes = db.execute("SELECT count(*) FROM detections").fetchone()
    assert found == (10,)
    assert boxes == (sum(len(outcome.confidence) for outcome in outcomes(1, 10)),)


@dataclasses.dataclass(frozen=True)
class FakeMachine:
    """A machine whose speed is a function of its settings."""

    plan: Plan
    device: Any = dataclasses.field(default_factory=lambda: SimpleNamespace(type="cpu"))

    def with_settings(self, batch: int, workers: int) -> FakeMachine:
        return FakeMachine(Plan(batch, workers, 1, ""))


def tried(rates: dict[tuple[int, int], float], memory: dict[tuple[int, int], float] | None = None) -> Any:  # noqa: ANN401 - of fakes
    asked = []

    def run(machine: Any, n: int) -> Any:  # noqa: ANN401
        setting = (machine.plan.batch, machine.plan.workers)
        asked.append(setting)
        report = PipelineReport(completed=n, wall_s=n / rates[setting], load_wait_s=1.0, infer_s=3.0)
        return SimpleNamespace(report=report, peak_mb=(memory or {}).get(setting, 100.0), database_s=0.0)

    machine: Any = FakeMachine(Plan(1, 1, 1, ""))
    photos: Any = SimpleNamespace(what="photos")
    found = tune(machine, seconds=1, run=run, stop=lambda: False, say=lambda _: None, grid=list(rates))
    return found, asked, photos


def test_the_best_are_tried_again_by_turns_and_the_fastest_wins() -> None:
    rates = {(1, 0): 10.0, (1, 1): 20.0, (2, 1): 30.0, (4, 1): 50.0, (8, 1): 40.0, (8, 2): 35.0}
    found, asked, photos = tried(rates)
    finals = asked[len(rates) :]
    assert finals == [(4, 1), (8, 1), (8, 2), (2, 1)] * ROUNDS
    best = winner(found)
    assert best.setting == (4, 1)
    assert [one.setting for one in found][:2] == [(4, 1), (8, 1)]
    report = tune_report(found, best, photos, {})
    assert [row["chosen"] for row in report.rows].count("chosen") == 1
    assert report.rows[0]["curve"] == 1.0
    assert report.coverage["photos"] > 0
    assert (report.rows[0]["load_share"], report.rows[0]["infer_share"]) == (0.25, 0.75)


def test_of_equals_the_one_with_least_memory_wins() -> None:
    found, *_ = tried({(8, 1): 100.0, (4, 1): 99.0, (1, 1): 50.0}, {(8, 1): 900.0, (4, 1): 400.0})
    assert winner(found).setting == (4, 1)


def test_the_grid_fits_the_machine() -> None:
    small = settings_to_try("cpu", 2)
    assert {workers for _, workers in small} == {0, 1, 2}
    assert all(batch >= 16 for batch, _ in settings_to_try("cuda", 16))


def test_a_key_is_set_and_all_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    text = '# mine\ntimezone = "America/Chicago"  # home\n\n[detect]\nimgsz = 640 # px\nbatch = "auto"\n'
    path.write_text(text, encoding="utf-8")
    set_keys(path, {"detect.batch": 8, "detect.workers": 2})
    changed = path.read_text(encoding="utf-8")
    assert changed == text.replace('batch = "auto"', "batch = 8") + "workers = 2\n"
    settings = load(path, {}, {})
    assert (settings.detect.batch, settings.detect.workers, settings.detect.imgsz) == (8, 2, 640)
    set_keys(path, {"detect.batch": 8, "detect.workers": 2})
    assert path.read_text(encoding="utf-8") == changed


def test_a_file_that_is_not_there_is_made_and_a_broken_one_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    set_keys(path, {"detect.batch": 4})
    assert load(path, {}, {}).detect.batch == 4
    for broken in ("[detect\n", "detect = 3\n"):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(ConfigError):
            set_keys(path, {"detect.batch": 8})
        assert path.read_text(encoding="utf-8") == broken
