"""Detect, from a selection to a closed run: the one place where pipeline and database meet.

Neither torch nor duckdb is imported here; the modules that need them are, when it is certain
that there is something to do.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trailcam import __version__
from trailcam.detect.model.backend import Backend, openvino_version
from trailcam.detect.model.find_weights import Weights, find_weights
from trailcam.detect.model.protocol import SUPPRESSION_IOU, Detector, class_map_of
from trailcam.detect.pipeline.outcomes import Control, Job, PhotoSource, Video
from trailcam.errors import UsageError
from trailcam.files.mount_guard import alive, check_root
from trailcam.machine import installed_version
from trailcam.selection import Selection
from trailcam.settings.classmap import fold
from trailcam.settings.config import Settings
from trailcam.settings.taxonomy import renamed, unplaced_note
from trailcam.store.database import Database
from trailcam.store.images import roots
from trailcam.store.run_sink import RunFacts, RunSink, Todo, begin_run, end_run, ran_before, select_todo
from trailcam.words.text import printable

if TYPE_CHECKING:
    from trailcam.detect.choose.fit import Opened
    from trailcam.detect.choose.plan import Plan
    from trailcam.detect.model.device import GpuMonitor
    from trailcam.detect.pipeline.loop import PipelineOptions, PipelineReport
    from trailcam.domain import ClassInfo

CANARY_ABOVE = 1000  # photos: a run of more begins with a look at a known frame, whatever ran before

_LONGEST_VIDEO_S = 86_400.0

_PACKAGES = ("torch", "torchvision", "ultralytics", "numpy", "opencv-python", "simplejpeg")


@dataclass(frozen=True, slots=True)
class Work:
    """What a detect would do. ``roots`` maps root ids to their paths."""

    weights: Weights
    model_key: str
    todo: Todo
    roots: dict[int, Path]

    def __len__(self) -> int:
        return len(self.todo.path)


@dataclass(frozen=True, slots=True)
class Started:
    """Told once the model is ready: the choices made, for people. ``run_id`` None: a share of a run."""

    run_id: int | None
    device: str
    precision: str
    backend: str
    size: str
    choice: str
    notes: Sequence[str]
    gpu: GpuMonitor


@dataclass(frozen=True, slots=True)
class DetectReport:
    """What a run did. ``database_s`` is all the time spent in the database, opening it included.

    ``elsewhere``: see :class:`Ready`.
    """

    run_id: int
    pipeline: PipelineReport
    database_s: float
    elsewhere: Mapping[str, str]


def prepare(database: Database, settings: Settings, selection: Selection, limit: int | None = None) -> Work:
    """Find the weights and the photos that they have not looked at. Changes nothing.

    Raises WeightsError, UsageError, DatabaseError, and RootError when a root that holds
    selected photos isn't there.
    """
    weights = find_weights(configured=settings.detect.weights, classifier=settings.detect.classifier)
    key = model_key(weights, settings)
    with database.read() as db:
        todo = select_todo(db, selection, key, limit)
        wanted = {int(i) for i in todo.root_id}
        paths = {root.root_id: root.path for root in roots(db) if root.root_id in wanted}
    return Work(weights, key, todo, {root_id: check_root(path) for root_id, path in paths.items()})


def detect(
    database: Database,
    settings: Settings,
    work: Work,
    control: Control,
    *,
    started: Callable[[Started], None] = lambda _: None,
    accept_failures: bool = False,
) -> DetectReport:
    """Look at the photos of ``work`` and save what is seen. The caller holds the writer's lock.

    ``accept_failures``: mark photos as failed even where they are more than half of the run.
    Raises WeightsError, DeviceError, RootError, PipelineError, DatabaseError; what was
    flushed before is saved, and the next run carries on from there.
    """
    from trailcam.detect.pipeline.loop import run

    ready = make_ready(work, settings, control, _is_new(database))
    with database.write() as db:
        run_id = begin_run(db, ready.facts)
    started(ready.started(run_id))
    sink = RunSink(database, run_id)
    try:
        report = run(
            source_of(ready.work, settings),
            ready.opened.detector,
            sink,
            ready.options(accept_failures),
            control,
        )
    except BaseException:
        with database.write() as db:
            end_run(db, run_id, completed=False, seconds={"write": sink.seconds})
        raise
    with database.write() as db:
        end_run(db, run_id, completed=not report.interrupted, seconds=seconds_of(report, sink.seconds))
    return DetectReport(run_id, report, sink.seconds, ready.elsewhere)


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """A model that was tried, what the run with it is, and the settings that fit the photos."""

    work: Work
    settings: Settings
    opened: Opened
    best: Plan
    facts: RunFacts

    @property
    def elsewhere(self) -> dict[str, str]:
        """Classes that the species list doesn't have -> what their boxes are called instead."""
        return _elsewhere(self.opened.detector, self.facts.classes)

    def options(self, accept_failures: bool) -> PipelineOptions:
        """How the photos go through the pipeline."""
        from trailcam.detect.pipeline.loader import LoaderOptions
        from trailcam.detect.pipeline.loop import PipelineOptions

        todo = self.work.todo
        return PipelineOptions(
            batch=self.best.batch,
            loader=LoaderOptions(workers=self.best.workers),
            accept_failures=accept_failures,
            known_failures=frozenset(todo.image_id[todo.failed].tolist()),
        )

    def started(self, run_id: int | None) -> Started:
        """The choices made, for people."""
        from trailcam.detect.model.device import GpuMonitor

        detector = self.opened.detector
        return Started(
            run_id,
            self.facts.device,
            str(detector.precision),
            str(detector.backend),
            self.work.weights.size.in_words(self.settings.detect.imgsz, detector.frame.imgsz),
            self.best.reason,
            unplaced_note(self.settings.species.allowed, detector.names.values()),
            GpuMonitor(self.opened.device),
        )


def make_ready(work: Work, settings: Settings, control: Control, is_new: Callable[[RunFacts], bool]) -> Ready:
    """Open the model, try it on a known frame, and choose batch and workers for the photos of ``work``.

    ``is_new`` says of a run's facts whether such a run hasn't completed a photo here before.
    Raises WeightsError, DeviceError, PipelineError.
    """
    from trailcam.detect.choose.fit import fit, open_chosen
    from trailcam.detect.choose.known_clip import check_clip
    from trailcam.detect.choose.trial import sound
    from trailcam.detect.model.device import device_failures

    def opened_in(precision: str) -> Opened:
        chosen = dataclasses.replace(settings.detect, precision=precision)
        return open_chosen(work.weights, chosen, photos=len(work))

    with device_failures():
        opened = opened_in(settings.detect.precision)
        facts = _facts(work, opened, settings)
        # Before many photos, and whenever weights, device or versions are new.
        if len(work) > CANARY_ABOVE or is_new(facts):
            opened = sound(opened, work.weights, settings.detect.precision, opened_in)
            facts = _facts(work, opened, settings)
            if work.todo.video.any():
                check_clip()
        best = fit(opened, _Files(work), control.stop).plan
    record = _settings_record(settings, best, opened.detector)
    if elsewhere := _elsewhere(opened.detector, facts.classes):
        record["not_on_list"] = elsewhere
    return Ready(work, settings, opened, best, dataclasses.replace(facts, settings=record))


def _facts(work: Work, opened: Opened, settings: Settings) -> RunFacts:
    from trailcam.detect.model.device import describe

    return RunFacts(
        model_key=work.model_key,
        weights_sha256=work.weights.sha256,
        weights_name=work.weights.name,
        settings={},
        versions=_versions(opened.detector, videos=bool(work.todo.video.any())),
        device=describe(opened.device),
        classes=_classes(opened.detector, settings),
    )


def source_of(work: Work, settings: Settings) -> PhotoSource:
    """The photos and videos of ``work`` as the pipeline takes them."""
    return PhotoSource(
        _Jobs(work.todo, settings.detect.video_every), work.roots, lambda root_id: alive(work.roots[root_id])
    )


def _is_new(database: Database) -> Callable[[RunFacts], bool]:
    def is_new(facts: RunFacts) -> bool:
        with database.read() as db:
            return not ran_before(db, facts.weights_sha256, facts.device, facts.versions)

    return is_new


class _Jobs(Sequence[Job]):
    """The todo list as jobs, made one at a time: a million of them at once would be 200 MB."""

    def __init__(self, todo: Todo, every_s: float) -> None:
        self._todo = todo
        self._every_s = every_s

    def __len__(self) -> int:
        return len(self._todo.path)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - typeshed overloads it for slices
        todo = self._todo
        video = Video(self._every_s, _known(todo.duration_s[index])) if todo.video[index] else None
        return Job(int(todo.image_id[index]), int(todo.root_id[index]), todo.path[index], video)

    def __iter__(self) -> Iterator[Job]:
        return (self[index] for index in range(len(self)))


def _known(duration_s: float) -> float | None:
    """Seconds as a container tells them, None for what no camera films."""
    return float(duration_s) if 0 < duration_s < _LONGEST_VIDEO_S else None


class _Files(Sequence[Path]):
    """The files of the photos to look at, videos aside, each path made when asked for."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._places = np.flatnonzero(~work.todo.video)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - typeshed overloads it for slices
        todo = self._work.todo
        place = int(self._places[index])
        return self._work.roots[int(todo.root_id[place])] / todo.path[place]


def model_key(weights: Weights, settings: Settings) -> str:
    """Equal for runs whose boxes may be compared and continued: the weights, and what changes boxes.

    The device and its number format are left out: a library begun on a laptop may be
    finished on a GPU.
    """
    parts = [
        weights.sha256,
        weights.size.in_model_key(settings.detect.imgsz),
        settings.detect.store_confidence,
        SUPPRESSION_IOU,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _classes(detector: Detector, settings: Settings) -> tuple[ClassInfo, ...]:
    names = detector.names
    wanted = settings.detect.class_map
    chosen = class_map_of(detector, wanted)
    there = set(map(fold, names.values()))
    unknown = [name for name in settings.classes if fold(name) not in there]
    if unknown and wanted != "auto":
        raise UsageError(
            f"[classes] in the configuration names {_listed(unknown)}, which the model doesn't have.",
            f"The model's classes are: {_listed(names.values())}.",
        )
    described = [
        dataclasses.replace(info, threshold=detector.thresholds.get(info.class_id))
        for info in chosen.describe(names, settings.classes)
    ]
    return tuple(renamed(described, settings.species.listed)[0])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(printable, names))


def _elsewhere(detector: Detector, classes: Sequence[ClassInfo]) -> dict[str, str]:
    return {
        detector.names[info.class_id]: info.name
        for info in classes
        if info.name != detector.names[info.class_id]
    }


def _settings_record(settings: Settings, best: Plan, detector: Detector) -> dict[str, Any]:
    return {
        "imgsz": detector.frame.imgsz,
        "store_confidence": settings.detect.store_confidence,
        "suppression_iou": detector.iou,
        "batch": best.batch,
        "workers": best.workers,
        "lanes": best.lanes,
        "precision": str(detector.precision),
        "backend": str(detector.backend),
        "class_map": settings.detect.class_map,
        "video_every_s": settings.detect.video_every,
    }


def _versions(detector: Detector, *, videos: bool) -> dict[str, str]:
    """What may change an answer. Precision and backend are among them: another one is another computation."""
    by_openvino = detector.backend is Backend.OPENVINO
    return {
        "precision": str(detector.precision),
        **({"openvino": openvino_version() or ""} if by_openvino else {}),
        **({"av": installed_version("av") or ""} if videos else {}),
        "trailcam": __version__,
        "python": platform.python_version(),
        **{name: installed_version(name) or "" for name in _PACKAGES},
    }


def seconds_of(report: PipelineReport, database_s: float) -> dict[str, float]:
    """Seconds by stage, as a run records them."""
    return {
        "wall": report.wall_s,
        "warmup": report.warmup_s,
        "load": report.load_wait_s,
        "infer": report.infer_s,
        "write": database_s,
    }
