"""The words of the field as frozen records. Nothing here reads, writes or computes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# From this confidence (0..1) a box counts where neither the user nor the weights name one.
FALLBACK_CONFIDENCE = 0.5
# From this IoU on two boxes of a model lie at exactly one place, as those of what never moves do.
SAME_PLACE = 0.8


class Status(StrEnum):
    """Where an image stands. Every image is in exactly one of these.

    ``completed`` with no detection is a blank (looked at, nothing found);
    ``pending`` is never looked at. The two must not be confused in any count.
    """

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    MISSING = "missing"


class TimeSource(StrEnum):
    """Which evidence a capture time rests on, the most trusted first."""

    CORRECTION = "correction"
    EXIF = "exif"  # DateTimeOriginal
    EXIF_DIGITIZED = "exif_digitized"  # DateTimeDigitized
    MAKER_NOTE = "maker_note"  # the camera's own words beside EXIF
    STILL = "still"  # of the photo that a camera took with a video
    CONTAINER = "container"  # when a video was begun, as its file says
    STRIP = "strip"  # burned into the picture
    XMP = "xmp"  # what programs keep beside EXIF
    IPTC = "iptc"
    PNG_TEXT = "png_text"
    EXIF_MODIFIED = "exif_modified"  # DateTime: the last program that wrote the file
    FILENAME = "filename"
    GPS = "gps"  # the satellites' time at the last fix, in UTC
    UNKNOWN = "unknown"


SURE_OFFSETS = frozenset({TimeSource.FILENAME, TimeSource.GPS})
"""Sources whose UTC offset, if they state one, is beyond doubt. Many cameras write +00:00 into EXIF, whatever
their clock runs on."""


class Trigger(StrEnum):
    """Why a camera took a photo, as it says itself."""

    MOTION = "motion"
    TIME_LAPSE = "time_lapse"
    EXTERNAL = "external"  # a sensor at a wire
    POINT_AND_SHOOT = "point_and_shoot"
    CODE_NOT_ENTERED = "code_not_entered"  # a locked camera
    CELL_STATUS = "cell_status"
    CELL_LIVE_VIEW = "cell_live_view"


class Kind(StrEnum):
    """What a class of a model means to trailcam."""

    BUCK = "buck"
    DOE = "doe"
    FAWN = "fawn"
    DEER = "deer"  # sex not told
    ANIMAL = "animal"
    PERSON = "person"
    VEHICLE = "vehicle"
    OTHER = "other"  # named by no class map; kept under the model's own name


DEER_KINDS = (Kind.BUCK, Kind.DOE, Kind.FAWN, Kind.DEER)
"""What "deer" means wherever a class is asked for: bucks, does, fawns, and deer whose sex isn't told."""


class AgeClass(StrEnum):
    """Age class of a buck as a model reads it from antlers and body; no measured age."""

    YOUNG = "young"
    MID = "mid"
    MATURE = "mature"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ClassInfo:
    """One class of a model: ``class_id`` as the model counts, ``name`` as it calls it.

    ``threshold`` is the confidence (0..1) from which the weights recommend to count it, None
    where they recommend none.
    """

    class_id: int
    name: str
    kind: Kind
    age_class: AgeClass | None = None  # bucks only
    species: str | None = None  # scientific name, where the map knows it
    threshold: float | None = None


def _none(*shape: int, dtype: str) -> Any:  # noqa: ANN401 - numpy's type is known to the checker alone
    """An array without content. numpy is imported late: a command that shows counts starts without it."""
    import numpy as np

    return np.zeros(shape, dtype=dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of one photo that a model looked at, here or elsewhere.

    ``status`` is completed, failed or missing, never pending. ``width`` and ``height`` are the
    upright photo's px, None where nobody decoded it. ``boxes`` (k, 4) float32 ``xywhn``,
    ``confidence`` (k,) float32 0..1, descending, ``class_id`` (k,) int16: completed with
    k = 0 is a blank. ``class_probability`` (k,) float32 0..1: how sure a classifier is of the class, NaN
    where none was asked; None without a classifier. ``error_code`` is a stable word, from detect one of its
    ``FailureCode``. Of a video ``frames`` are the times (seconds) of the frames that were looked at, and
    ``frame_s`` (k,) float32 is that of each box; None of a photo.

    Raises ValueError for arrays that don't belong together.
    """

    image_id: int
    status: Status
    width: int | None = None
    height: int | None = None
    boxes: npt.NDArray[np.float32] = field(default_factory=lambda: _none(0, 4, dtype="float32"))
    confidence: npt.NDArray[np.float32] = field(default_factory=lambda: _none(0, dtype="float32"))
    class_id: npt.NDArray[np.int16] = field(default_factory=lambda: _none(0, dtype="int16"))
    error_code: str | None = None
    error_message: str | None = None
    class_probability: npt.NDArray[np.float32] | None = None
    frame_s: npt.NDArray[np.float32] | None = None
    frames: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        k = len(self.confidence)
        if self.boxes.shape != (k, 4) or self.class_id.shape != (k,):
            raise ValueError(f"{k} confidences, boxes {self.boxes.shape}, classes {self.class_id.shape}")
        if self.class_probability is not None and self.class_probability.shape != (k,):
            raise ValueError(f"{k} confidences, probabilities {self.class_probability.shape}")
        if self.frame_s is not None and self.frame_s.shape != (k,):
            raise ValueError(f"{k} confidences, times of frames {self.frame_s.shape}")
        if self.status is Status.PENDING:
            raise ValueError("an outcome is never pending")


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a photo was taken, by the camera's own clock, and how we know.

    ``at`` is naive local time (trail cameras know no zone) or None when there is no
    evidence; a file's modification time is never evidence. ``utc_offset_min`` is set
    where the file states it. ``suspect`` names the doubt: ``before_2000``, ``future``,
    ``clock_reset``, ``original_unreadable`` or ``sent_or_saved`` from one photo alone; what photos say
    together: ``trailcam.clock.doubt``.
    """

    at: datetime | None
    source: TimeSource
    suspect: str | None = None
    utc_offset_min: int | None = None


@dataclass(frozen=True, slots=True)
class MakerNote:
    """What a camera says of a photo in its maker note; None where it says nothing or nothing possible.

    ``layout`` names the family of cameras: hyperfire, hyperfire2, hyperfire4k, microfire or ultrafire. ``at``
    is the camera's clock. ``camera_event`` is the camera's own count of triggers; this photo is number
    ``sequence_position`` (from 1) of the ``sequence_length`` of that trigger. Temperatures are whole degrees
    in the camera, °C and °F, both or neither. ``moon_phase`` is the almanac's, out of ``sky.MOON_PHASES``.
    ``infrared``: the illuminator was lit. ``battery_v`` are volts. ``label`` is the owner's text.
    """

    layout: str
    at: datetime | None = None
    trigger: Trigger | None = None
    camera_event: int | None = None
    sequence_position: int | None = None
    sequence_length: int | None = None
    temperature_c: int | None = None
    temperature_f: int | None = None
    moon_phase: str | None = None
    infrared: bool | None = None
    battery_v: float | None = None
    serial: str | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class FileKey:
    """How a file is recognised as unchanged: ``path`` is relative to its root, with ``/``.

    ``path`` is a str in which bytes that are not UTF-8 are surrogate-escaped.
    ``mtime_ns`` is used for this comparison alone, never as a date.
    """

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Image:
    """What one file says of itself, as read by a scan.

    ``captured`` is the one of ``readings`` that goes first, for ``captured_reason``: only_reading,
    readings_agree or most_trusted. Without readings it is one without a time.

    ``width`` and ``height`` are pixels as stored; ``orientation`` is the EXIF value 1..8 that turns them
    upright. ``error_code`` is set when the file could not be read. ``latitude`` and ``longitude`` are
    EXIF's, in degrees of WGS 84, both or neither. ``serial`` is EXIF's, else the maker note's.
    ``content_id`` is None where the file is no readable picture. Of a video (``is_video``) ``duration_s``
    are seconds, ``frame_rate`` is the mean of its frames in a second, and ``codec`` FFmpeg's short name;
    None where it doesn't tell.
    """

    key: FileKey
    station: str
    captured: CaptureTime
    captured_reason: str | None = None
    readings: tuple[CaptureTime, ...] = ()
    make: str | None = None
    model: str | None = None
    serial: str | None = None
    width: int | None = None
    height: int | None = None
    orientation: int = 1
    error_code: str | None = None
    error_message: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    content_id: str | None = None
    note: MakerNote | None = None
    is_video: bool = False
    duration_s: float | None = None
    frame_rate: float | None = None
    codec: str | None = None
