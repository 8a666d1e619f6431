"""Which boxes to save as crops: the surest of each scene, then the surest of each station and month.

A candidate is 48 bytes in plain arrays, so that a million of them weigh little; the boxes themselves are read
again when they are cut.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trailcam.domain import Kind
from trailcam.settings.class_words import is_meant, words_of
from trailcam.store.counted import PERSON_RUN
from trailcam.store.export_rows import ExportBox, ExportPhoto, ExportPlan

_UNDATED = -1
_Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Picks:
    """The chosen boxes as arrays of equal length, in the order of the plan and of the boxes on a photo.

    ``n`` is the photo's place in the plan, ``run_id`` the model whose boxes count on it or PERSON_RUN,
    ``box`` its place among those that count, ``folder`` an index into ``folders``.
    """

    n: _Numbers
    run_id: _Numbers
    box: _Numbers
    folder: _Numbers
    folders: tuple[str, ...]

    def of(self, photo: ExportPhoto) -> Iterator[tuple[str, ExportBox]]:
        """Folder and box of each pick on ``photo``. Raises LookupError where other boxes count now."""
        first, end = np.searchsorted(self.n, [photo.n, photo.n + 1])
        for i in range(int(first), int(end)):
            folder = self.folders[self.folder[i]]
            box = photo.boxes[self.box[i]] if self.box[i] < len(photo.boxes) else None
            same = (photo.run_id or PERSON_RUN) == self.run_id[i]
            if box is None or not same or folder_of(box, (folder,)) != folder:
                raise LookupError("looked at again during the export; run the export again")
            yield folder, box


def folder_of(box: ExportBox, classes: Sequence[str]) -> str | None:
    """Where a box belongs, None for nowhere: a buck to its age class, all else to the model's class.

    ``classes`` are names of classes, kinds or age classes in any case; none of them means all bucks, "deer"
    all deer.
    """
    age = box.info.age_class.value if box.info.age_class else None
    name = age if box.info.kind is Kind.BUCK and age else box.info.name
    if not classes:
        return name if box.info.kind is Kind.BUCK else None
    return name if is_meant(words_of(box.info), classes) else None


def pick(
    photos: Iterable[ExportPhoto],
    plan: ExportPlan,
    classes: Sequence[str],
    *,
    whole: bool,
    per_event: int | None,
    balance: int | None,
) -> Picks:
    """Choose from ``photos``, which come in the order of ``plan``.

    ``whole`` takes a photo once for each folder. ``per_event`` and ``balance`` are the most for a folder and
    scene, and for a folder, station and month, None for no limit. Photos of a station without a capture time
    are one scene of one month.
    """
    n, run_id, box, folder, month = (array("q") for _ in range(5))
    confidence = array("d")
    folders: dict[str, int] = {}
    for photo in photos:
        seen = set()
        for number, found in enumerate(photo.boxes):
            name = folder_of(found, classes)
            if name is None or (whole and name in seen):
                continue
            seen.add(name)
            at = photo.captured_at
            n.append(photo.n)
            run_id.append(photo.run_id or PERSON_RUN)
            box.append(number)
            folder.append(folders.setdefault(name, len(folders)))
            month.append(at.year * 12 + at.month if at else _UNDATED)
            confidence.append(found.confidence)
    names = tuple(folders)
    columns = [np.asarray(values, np.int64) for values in (n, run_id, box, folder, month)]
    places, folder_ids, months = columns[0], columns[3], columns[4]
    rank_name = np.argsort(np.argsort(np.array(names, dtype=object))) if names else np.zeros(0, np.int64)
    # The surest first; equals in the order of the plan, then of the folders' names.
    order = np.lexsort((rank_name[folder_ids], places, -np.asarray(confidence, np.float64)))
    if per_event is not None:
        station, scene = plan.station_id[places], plan.scene[places]
        order = order[_ranks((folder_ids[order], station[order], scene[order])) < per_event]
    if balance is not None:
        station = plan.station_id[places]
        order = order[_ranks((folder_ids[order], station[order], months[order])) < balance]
    kept = np.sort(order)
    return Picks(
        n=places[kept], run_id=columns[1][kept], box=columns[2][kept], folder=folder_ids[kept], folders=names
    )


def _ranks(keys: Sequence[npt.NDArray[np.integer]]) -> _Numbers:
    """The place of each row, from 0, among those with the same keys, in the order they come in."""
    size = len(keys[0])
    order = np.lexsort(keys)  # stable: equals stay in order
    begins = np.ones(size, np.bool_)
    if size:
        begins[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    starts = np.flatnonzero(begins)
    ranks = np.empty(size, np.int64)
    ranks[order] = np.arange(size) - np.repeat(starts, np.diff(np.append(starts, size)))
    return ranks
