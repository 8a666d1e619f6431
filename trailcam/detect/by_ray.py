"""A detect on a Ray cluster: the shares of :mod:`trailcam.detect.shards`, handed out to actors.

An actor keeps its model from share to share. Paths travel to it, and its part of outcomes back, never pixels.
The driver holds the lock and merges parts as they come; it alone opens the database. ray is imported when a
detect asks for it.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trailcam.detect.merge import merge
from trailcam.detect.pipeline.outcomes import Control
from trailcam.detect.ray_crew import Crew, RayOptions, connect, ray_module
from trailcam.detect.shards import Shard, look_at_share, make_list, prepare_share
from trailcam.errors import PipelineError, RootError, TrailcamError
from trailcam.store.work_list import read_share
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.detect.command import Ready
    from trailcam.selection import Selection
    from trailcam.settings.config import Settings
    from trailcam.store.database import Database

TRIES = 3
"""So often a share is begun before it is given up."""

LIST = "list.parquet"
_POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class RayReport:
    """What became of the photos. ``outcomes`` counts them by status, as they were merged, into ``run_id``.

    ``left_out``: node -> why it was given no more. ``given_up``: the shares that no node could finish, as
    sentences.
    """

    run_id: int | None
    n_photos: int
    outcomes: Counter[str]
    left_out: dict[str, str]
    given_up: list[str]
    interrupted: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    """Of an actor: a part's bytes, or what went wrong, at its node or with the share."""

    part: bytes = b""
    n_photos: int = 0
    failed: int = 0
    seconds: float = 0.0
    problem: TrailcamError | None = None
    is_of_node: bool = False


class ShareActor:
    """Looks at shares, one at a time, in a process that Ray started on some node."""

    def __init__(self, work_list: bytes, settings: Settings, shards: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trailcam-")
        self._list = Path(self._folder.name) / LIST
        self._list.write_bytes(work_list)
        self._settings = settings
        self._shards = shards
        self._ready: Ready | None = None

    def look(self, index: int) -> _Answer:
        """Look at share ``index``. Where something is wrong with the node, no photo is marked."""
        began = time.perf_counter()
        target = Path(self._folder.name) / f"part-{index}.parquet"
        try:
            work = prepare_share(self._list, Shard(index, self._shards), self._settings, target)
            # Whether too many failed is for all shares together to say.
            report = look_at_share(work, Control(), accept_failures=True, ready=self._ready)
        except TrailcamError as error:
            is_of_node = self._ready is None or isinstance(error, RootError)
            return _Answer(problem=error, is_of_node=is_of_node)
        self._ready = report.ready or self._ready
        part = target.read_bytes()
        target.unlink()
        failed = report.pipeline.failed + report.pipeline.missing if report.pipeline else 0
        return _Answer(part, report.n_photos, failed, time.perf_counter() - began)


def detect_by_ray(
    database: Database,
    settings: Settings,
    selection: Selection,
    options: RayOptions,
    stop: Callable[[], bool],
    say: Callable[[str], None],
) -> RayReport:
    """Look at the selected photos on a cluster and save what is seen. The caller holds the writer's lock.

    What is merged stays whatever happens later; the next detect takes the rest. Raises UsageError without
    ray, RootError and WeightsError as every detect does, and PipelineError where no node is left, or more
    than half of all photos failed.
    """
    ray = ray_module()
    with tempfile.TemporaryDirectory(prefix="trailcam-") as folder:
        work_list = Path(folder) / LIST
        head = make_list(database, settings, selection, options.limit, work_list)
        if not head.n_photos:
            return RayReport(None, 0, Counter(), {}, [], interrupted=False)
        shards = math.ceil(head.n_photos / options.share)
        connect(ray, options.address)
        try:
            arguments = (ray.put(work_list.read_bytes()), settings, shards)
            crew = Crew(ray, options, ShareActor, arguments)
            say(
                f"{count(shards, 'share')} of up to {count(options.share, 'photo')}, by"
                f" {count(crew.size, 'actor')} on {count(len(crew.nodes), 'node')}."
            )
            listed = _Listed(work_list, head.n_photos, shards)
            return _Drive(database, crew, listed, say).go(stop, accept_failures=options.accept_failures)
        finally:
            ray.shutdown()


@dataclass(frozen=True, slots=True)
class _Listed:
    """A work list, how many photos it has, and in how many shares. Parts lie beside it."""

    path: Path
    n_photos: int
    shards: int


class _Drive:
    """Shares to actors, parts to the database."""

    def __init__(self, database: Database, crew: Crew, listed: _Listed, say: Callable[[str], None]) -> None:
        self._database = database
        self._crew = crew
        self._list = listed
        self._say = say
        self._waiting = deque(range(listed.shards))
        self._tries: Counter[int] = Counter()
        self._running: dict[Any, tuple[Any, int]] = {}
        self._unmerged: list[Path] = []
        self._looked_at = self._failed = 0
        self._run_id: int | None = None
        self._outcomes: Counter[str] = Counter()
        self._left_out: dict[str, str] = {}
        self._given_up: list[str] = []

    def go(self, stop: Callable[[], bool], *, accept_failures: bool) -> RayReport:
        for node in self._crew.nodes.values():
            for actor in node.actors:
                self._hand_out(actor)
        stopped = False
        while self._running and not stopped:
            done, _ = self._crew.ray.wait(list(self._running), timeout=_POLL_S)
            for ref in done:
                if ref in self._running:
                    self._take(ref)
            self._merge(accept_failures=accept_failures, last=False)
            stopped = stop()
        self._merge(accept_failures=accept_failures, last=True)
        if self._waiting and not stopped:
            reasons = "; ".join(f"{name}: {why}" for name, why in self._left_out.items()) or "all were lost"
            raise PipelineError(
                f"No node is left to look at {count(len(self._waiting), 'share')} ({reasons}).",
                "What was merged is saved. Fix the nodes and run the same command again.",
            )
        return RayReport(
            self._run_id,
            self._list.n_photos,
            self._outcomes,
            self._left_out,
            self._given_up,
            interrupted=stopped,
        )

    def _hand_out(self, actor: Any) -> None:  # noqa: ANN401
        if self._waiting:
            shard = self._waiting.popleft()
            self._running[actor.look.remote(shard)] = actor, shard

    def _take(self, ref: Any) -> None:  # noqa: ANN401
        actor, shard = self._running.pop(ref)
        try:
            answer = self._crew.ray.get(ref)
        except self._crew.ray.exceptions.RayError as error:
            self._lost(actor, shard, error)
            return
        if answer.problem is None:
            self._keep(shard, answer, self._crew.node_of(actor).name)
            self._hand_out(actor)
        elif answer.is_of_node:
            self._waiting.appendleft(shard)
            self._leave_out(actor, answer)
        else:
            self._again(shard, answer.problem.message)
            self._hand_out(actor)

    def _keep(self, shard: int, answer: _Answer, node: str) -> None:
        part = self._list.path.with_name(f"part-{shard}.parquet")
        part.write_bytes(answer.part)
        self._unmerged.append(part)
        self._looked_at += answer.n_photos
        self._failed += answer.failed
        rate = answer.n_photos / max(answer.seconds, 1e-6)
        self._say(
            f"{self._looked_at:,} of {self._list.n_photos:,} photos; {printable(node)}: {rate:,.1f} photos/s."
        )

    def _lost(self, actor: Any, shard: int, error: Exception) -> None:  # noqa: ANN401
        """The process or the whole node died, or the actor met an unknown error."""
        self._again(shard, type(error).__name__)
        self._crew.ray.kill(actor)
        if (new := self._crew.replace(actor)) is not None:
            self._hand_out(new)
        else:
            self._wake()

    def _leave_out(self, actor: Any, answer: _Answer) -> None:  # noqa: ANN401
        node = self._crew.node_of(actor)
        assert answer.problem is not None
        self._left_out[node.name] = answer.problem.message
        gone = self._crew.leave_out(node)
        for ref, (other, shard) in list(self._running.items()):
            if other in gone:
                del self._running[ref]
                self._waiting.appendleft(shard)
        self._wake()

    def _wake(self) -> None:
        """Give actors that had nothing left what others could not do."""
        busy = [actor for actor, _ in self._running.values()]
        for node in self._crew.nodes.values():
            for actor in node.actors:
                if actor not in busy:
                    self._hand_out(actor)

    def _again(self, shard: int, why: str) -> None:
        self._tries[shard] += 1
        if self._tries[shard] < TRIES:
            self._waiting.append(shard)
        else:
            photos = read_share(self._list.path, self._list.n_photos, self._list.shards, shard).todo.path
            named = f"{printable(str(photos[0]))} to {printable(str(photos[-1]))}"
            self._given_up.append(
                f"{count(len(photos), 'photo')}, {named}, given up after {TRIES} tries: {printable(why)}"
            )

    def _merge(self, *, accept_failures: bool, last: bool) -> None:
        """Bring in what has come. While more than half of it failed it waits for the others."""
        if not self._unmerged:
            return
        few = 2 * self._failed <= self._looked_at
        if not (few or last or accept_failures):
            return
        merged = merge(self._database, self._unmerged, accept_failures=accept_failures or few)
        self._run_id = merged.run_id or self._run_id
        self._outcomes += merged.outcomes
        self._unmerged.clear()
