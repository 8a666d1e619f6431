"""Train, from a data set to weights that --weights finds by name, and say what it gained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trailcam.detect.model.find_weights import Weights, own_weights_folder
from trailcam.detect.model.install import check_new_name
from trailcam.detect.pipeline.outcomes import Control
from trailcam.errors import DataSetError, OutputError
from trailcam.evaluate.dataset import DataSet, read_dataset
from trailcam.evaluate.judge_model import EvaluationReport, look, run_evaluation
from trailcam.files.home import cache_folder
from trailcam.settings.config import Settings
from trailcam.train.thresholds import choose_thresholds, save_thresholds
from trailcam.words.text import printable

# What differs from ultralytics' own defaults, and why. Trail cameras stand upright and see grey nights: no
# rotation, strong changes of light and colour. Mosaics hide how large a deer is beside its surroundings, so
# the last tenth of the epochs goes without.
AUGMENTATION = {"degrees": 0.0, "hsv_h": 0.01, "hsv_s": 0.9, "hsv_v": 0.5, "scale": 0.5, "fliplr": 0.5}


@dataclass(frozen=True, slots=True)
class Training:
    """What to train. ``imgsz``: px of the longer side. ``batch``: photos of one step."""

    data: Path
    start: Weights
    name: str
    epochs: int
    imgsz: int
    batch: int
    device: str
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrainReport:
    """``before`` and ``after`` are measured on ``split``, photos that were not trained on.

    ``kept``: classes of the old model that the labels don't have -> its boxes that were trained as labels.
    """

    weights: Path
    split: str
    before: EvaluationReport
    after: EvaluationReport
    thresholds: dict[str, float]
    kept: Mapping[str, int]


def train(
    training: Training,
    settings: Settings,
    *,
    epoch_done: Callable[[int, int, float], None] = lambda *_: None,
    stop: Callable[[], bool] = lambda: False,
) -> TrainReport:
    """Train and evaluate. A training of the same name and data that was stopped is carried on.

    ``epoch_done`` is told epochs done, of how many, and the validation's mAP50 (0..1). ``stop`` is asked
    after each batch and before the evaluation; once it says True, KeyboardInterrupt is raised, or Interrupted
    before the first epoch. Also raises DataSetError, WeightsError, DeviceError, UsageError, OutputError.
    """
    check_new_name(training.name)
    sets = {split: read_dataset(training.data, split) for split in ("train", "val")}
    target = own_weights_folder() / f"{training.name}.pt"
    folder = run_folder(training.name)
    best = _fit(training, folder, sets, settings, epoch_done, stop)
    kept = _read_record(folder)["kept"]
    _heed(stop)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(best, target.with_suffix(".part"))
        target.with_suffix(".part").replace(target)
    except OSError as error:
        raise OutputError(
            f"The weights can't be written to {printable(str(target))}: {error.strerror or error}.",
            f"They are still in {printable(str(best))}.",
        ) from error
    after = Weights(target, _sha(target), "this training")
    thresholds = choose_thresholds(look(sets["val"], after, settings, None).judge)
    save_thresholds(target, thresholds)
    split = "test" if _has_test(training.data) else "val"
    report = TrainReport(
        target,
        split,
        before=run_evaluation(training.data, split, training.start, settings),
        after=run_evaluation(training.data, split, after, settings),
        thresholds=thresholds,
        kept=kept,
    )
    shutil.rmtree(folder, ignore_errors=True)
    return report


def run_folder(name: str) -> Path:
    """Where a training of that name lives while it lasts; the user's cache, as the system defines it."""
    return cache_folder() / "training" / name


def _fit(
    training: Training,
    folder: Path,
    sets: Mapping[str, DataSet],
    settings: Settings,
    epoch_done: Callable[[int, int, float], None],
    stop: Callable[[], bool],
) -> Path:
    """Let ultralytics train; returns the best checkpoint."""
    from trailcam.detect.model.device import resolve
    from trailcam.detect.model.yolo import quiet_ultralytics

    device = resolve(training.device)
    last = folder / "fit" / "weights" / "last.pt"
    carries_on = last.is_file() and _read_record(folder).get("training") == _key(training)
    if not carries_on:
        _begin(training, folder, sets, settings, stop)
    with quiet_ultralytics():
        from ultralytics.models import YOLO

        yolo: Any = YOLO
        model = yolo(str(last if carries_on else folder / "start.pt"), task="detect")
        model.add_callback("on_fit_epoch_end", lambda trainer: _tell(trainer, epoch_done))
        model.add_callback("on_train_batch_end", lambda _: _heed(stop))
        if carries_on:
            model.train(resume=True)
        else:
            model.train(**_arguments(training, folder, device))
    return folder / "fit" / "weights" / "best.pt"


def _begin(
    training: Training,
    folder: Path,
    sets: Mapping[str, DataSet],
    settings: Settings,
    stop: Callable[[], bool],
) -> None:
    """Write what the training reads: photos and labels, the model that it starts from, and the record."""
    from trailcam.train.keep import keep_classes
    from trailcam.train.lay_out import lay_out
    from trailcam.train.start import read_start, write_start

    start = read_start(training.start)
    seen = look(sets["train"], training.start, settings, None, Control(stop))
    kept = keep_classes(sets["train"], seen)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [kept.names.get(i, f"class {i}") for i in range(max(kept.names) + 1)]
    write_start(start, names, folder / "start.pt")
    lay_out(folder / "photos", sets, kept)
    record = {"training": _key(training), "kept": dict(kept.counts)}
    (folder / "training.json").write_text(json.dumps(record), encoding="utf-8")


def _key(training: Training) -> dict[str, Any]:
    """Equal for trainings of which one carries on the other."""
    return {"data": str(training.data.resolve()), "start": training.start.sha256, "imgsz": training.imgsz}


def _arguments(training: Training, folder: Path, device: Any) -> dict[str, Any]:  # noqa: ANN401 - torch's
    on_gpu = device.type == "cuda"
    return {
        "data": str(folder / "photos" / "data.yaml"),
        "epochs": training.epochs,
        "imgsz": training.imgsz,
        "batch": training.batch,
        "device": str(device.index or 0) if on_gpu else device.type,
        "workers": 8 if on_gpu else 0,
        "amp": on_gpu,
        "project": str(folder),
        "name": "fit",
        "exist_ok": True,
        "seed": training.seed,
        "close_mosaic": max(1, training.epochs // 10),
        "plots": False,
        "verbose": False,
        **AUGMENTATION,
    }


def _heed(stop: Callable[[], bool]) -> None:
    if stop():
        raise KeyboardInterrupt


def _tell(trainer: Any, epoch_done: Callable[[int, int, float], None]) -> None:  # noqa: ANN401 - untyped
    metrics = trainer.metrics or {}
    done, epochs = int(trainer.epoch) + 1, int(trainer.epochs)
    if done <= epochs:  # the look at the best epoch's weights comes after the last
        epoch_done(done, epochs, float(metrics.get("metrics/mAP50(B)", 0.0)))


def _read_record(folder: Path) -> dict[str, Any]:
    """What was written when the training began; {} where there is none."""
    try:
        found: object = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_test(data: Path) -> bool:
    try:
        read_dataset(data, "test")
    except DataSetError:
        return False
    return True


def _sha(path: Path) -> str:
    from trailcam.detect.model.find_weights import sha256_of

    return sha256_of(path)
