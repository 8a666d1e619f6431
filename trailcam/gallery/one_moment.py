"""A photo and the video of the same trigger become one entry of a gallery, as they are one in all counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from trailcam.gallery.cards import Detection, Photo

_ELSEWHERE_S = -1.0  # no frame's time: said of a box of the file that isn't shown


def join_moments(
    photos: Mapping[int, Photo], stills: Mapping[int, int], clips: Mapping[int, Path]
) -> list[Photo]:
    """``photos`` by image, in their order, those of one trigger as one.

    ``stills`` maps videos to their photos, ``clips`` to their files.
    """
    clip_of = {still: clip for clip, still in stills.items()}
    joined = []
    for image_id, photo in photos.items():
        clip_id = clip_of.get(image_id)
        if stills.get(image_id) in photos:
            continue  # it is joined with its photo
        if clip_id is None:
            joined.append(photo)
        elif clip_id in photos:
            joined.append(_as_one(photo, photos[clip_id]))
        else:
            joined.append(replace(photo, clip=clips[clip_id]))
    return joined


def _as_one(still: Photo, clip: Photo) -> Photo:
    """Of each class the most animals that either shows; the picture is of the one with the surest box."""
    found = [
        pair
        for number in dict.fromkeys(one.class_index for one in (*still.found, *clip.found))
        for pair in _surest(*([one for one in p.found if one.class_index == number] for p in (still, clip)))
    ]
    found.sort(key=lambda pair: (pair[0].counts, pair[0].confidence), reverse=True)
    of_clip = found[0][1]
    shown = clip if of_clip else still
    return replace(
        still,
        file=shown.file,
        name=shown.name,
        people=shown.people,
        clip=clip.file,
        found=tuple(one if own is of_clip else _elsewhere(one) for one, own in found),
    )


def _surest(still: Sequence[Detection], clip: Sequence[Detection]) -> list[tuple[Detection, bool]]:
    """The boxes of one class, and whether they are the video's: the surest of both, the next of both."""
    pairs = []
    for one, other in zip_longest(*(sorted(s, key=lambda d: -d.confidence) for s in (still, clip))):
        of_clip = one is None or (other is not None and other.confidence > one.confidence)
        best = other if of_clip else one
        name = next((d.name for d in (best, one, other) if d is not None and d.name), None)
        pairs.append((replace(best, name=name), of_clip))
    return pairs


def _elsewhere(one: Detection) -> Detection:
    return one if one.at_s is not None else replace(one, at_s=_ELSEWHERE_S)
