"""What a run did and where its time went. Imports no torch."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class PipelineReport:
    """Counts and seconds of one run.

    ``warmup_s`` lasts until the model is warm and the first photos are in hand. Of the rest, the main loop
    spends ``load_wait_s`` waiting for photos, ``infer_s`` in the model (the device has finished when the
    clock stops), ``write_wait_s`` waiting for the writer; ``write_s`` is how long the sink itself worked,
    most of it beside the main loop. ``decode_s`` is the workers' time, summed over all of them.
    ``detections`` are all boxes by class, of all ``frames`` of videos too, ``counting`` those that reach
    what the weights recommend for their class, else FALLBACK_CONFIDENCE.
    """

    completed: int = 0
    failed: int = 0
    missing: int = 0
    frames: int = 0
    detections: Counter[str] = field(default_factory=Counter)
    counting: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    interrupted: bool = False
    batch: int = 0
    wall_s: float = 0.0
    warmup_s: float = 0.0
    load_wait_s: float = 0.0
    infer_s: float = 0.0
    write_wait_s: float = 0.0
    write_s: float = 0.0
    decode_s: float = 0.0

    @property
    def done(self) -> int:
        """Photos that have an outcome."""
        return self.completed + self.failed + self.missing

    @property
    def photos_per_s(self) -> float:
        """Photos over wall time without the warm-up; 0.0 for an empty run."""
        working = self.wall_s - self.warmup_s
        return self.done / working if working > 0 else 0.0

    @property
    def write_share(self) -> float:
        """The sink's own seconds as a share of wall time, 0..1."""
        return min(1.0, self.write_s / self.wall_s) if self.wall_s > 0 else 0.0

    @property
    def stages(self) -> dict[str, float]:
        """Seconds of the main loop by stage."""
        return {"load": self.load_wait_s, "infer": self.infer_s, "write": self.write_wait_s}

    @property
    def bottleneck(self) -> str:
        """One sentence on what limits the speed."""
        working = sum(self.stages.values())
        if not self.done or working <= 0:
            return "Nothing was measured."
        stage, seconds = max(self.stages.items(), key=lambda item: item[1])
        share = f"{seconds / working:.0%} of the time"
        return {
            "load": f"Reading and decoding photos limits the speed: the model waited for them {share}.",
            "infer": f"The model limits the speed: it was busy {share}.",
            "write": f"The database limits the speed: results waited to be written {share}.",
        }[stage]
