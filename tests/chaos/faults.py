"""What goes wrong: each fault is prepared before a command, strikes at a moment, and is undone afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import time
from abc import ABC
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tests.chaos.world import SMALL, Command, Done, World, mount

if TYPE_CHECKING:
    pass

_FILES = ("*.wal", "*.new", "*.part", "*.lock.json", ".trailcam-*")
INTERRUPTED = 130


@dataclass(frozen=True)
class Moment:
    """At ``fraction`` of the usual time, or ``late_s`` after a file like ``pattern`` appears."""

    fraction: float
    pattern: str | None
    late_s: float

    @classmethod
    def draw(cls, rng: random.Random) -> Moment:
        pattern = rng.choice(_FILES) if rng.random() < 0.4 else None
        return cls(
            rng.uniform(0.0, 0.95), pattern, rng.choice([0.0, rng.uniform(0, 0.02), rng.uniform(0, 0.2)])
        )

    def wait(self, world: World, command: Command) -> Done | None:
        """Wait for the moment; the command's end if that comes first."""
        if self.pattern is None:
            return world.launcher.wait(self.fraction * world.seconds[command.name])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if any(next(folder.glob(self.pattern), None) for folder in (world.home, world.out)):
                return world.launcher.wait(self.late_s)
            done = world.launcher.wait(0.0005)
            if done is not None:
                return done
        return None


@dataclass
class Fault(ABC):
    """One fault of one round; its parameters come from ``rng`` alone.

    ``codes``: exit codes that it may cause beside the command's own; ``says`` must be in stderr then.
    """

    rng: random.Random
    name: ClassVar[str]
    codes: ClassVar[frozenset[int]] = frozenset({2})
    says: ClassVar[str] = ""
    needs_mounts: ClassVar[bool] = False
    needs_photos: ClassVar[bool] = False  # strikes only commands that read photos
    rescans: ClassVar[bool] = False  # photos may have been marked missing: a scan brings them back
    slows: ClassVar[bool] = False  # what takes long under it says nothing of how long it takes
    extra: ClassVar[tuple[str, ...]] = ()  # options to add
    again: ClassVar[tuple[str, ...]] = ()  # options of detect that ask for the failed photos again
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.moment = Moment.draw(self.rng)
        self.struck = False
        self.draw()

    def draw(self) -> None:  # noqa: B027 - most faults need only some of these steps
        """Choose parameters."""

    @classmethod
    def fits(cls, command: Command) -> bool:
        return command.reads_photos or not cls.needs_photos

    def prepare(self, world: World) -> None:  # noqa: B027
        """Before the command begins."""

    def strike(self, world: World) -> None:  # noqa: B027
        """At the moment."""

    def mend(self, world: World) -> None:  # noqa: B027
        """After the command has ended."""

    def run(self, world: World, command: Command) -> Done | None:
        """The command with the fault in it; None when it hangs."""
        self.prepare(world)
        argv = [*world.argv(command), *self.extra]
        world.launcher.start(argv, world.environment(**self.env), world.folder)
        done = self.moment.wait(world, command)
        if done is None:
            self.struck = True
            self.strike(world)
            done = world.launcher.wait(120)
        return done


@dataclass
class Signal(Fault):
    """A signal to the process alone, or to its whole group as a terminal sends it; perhaps twice."""

    number: ClassVar[signal.Signals]
    codes = frozenset({INTERRUPTED})

    def draw(self) -> None:
        self.group = self.rng.random() < 0.5
        self.second = self.rng.uniform(0.001, 0.3) if self.rng.random() < 0.25 else None
        # Python itself is not ready earlier: as in any program, a signal then ends it before it began.
        self.moment = Moment(max(self.moment.fraction, 0.05), self.moment.pattern, self.moment.late_s)

    def strike(self, world: World) -> None:
        self._send(world.launcher.pid)
        if self.second is not None:
            time.sleep(self.second)
            self._send(world.launcher.pid)

    def _send(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, self.number) if self.group else os.kill(pid, self.number)


@dataclass
class Kill(Signal):
    name = "SIGKILL"
    number = signal.SIGKILL
    codes = frozenset({-signal.SIGKILL})


@dataclass
class Terminate(Signal):
    name = "SIGTERM"
    number = signal.SIGTERM


@dataclass
class Interrupt(Signal):
    name = "SIGINT"
    number = signal.SIGINT


@dataclass
class DiskFull(Fault):
    """Database or output on a small file system that is full from the beginning or fills up at the moment."""

    name = "disk full"
    says = r"(?i)space|disk|too large"
    needs_mounts = True

    def draw(self) -> None:
        self.room = int(10 ** self.rng.uniform(3.5, 7.2))  # 3 kB .. 16 MB
        self.later = self.rng.random() < 0.4
        self.where = self.rng.choice(["home", "home", "out"])

    def run(self, world: World, command: Command) -> Done | None:
        if not any(part.startswith("OUT") for part in command.argv):
            self.where = "home"  # nothing is written to the other
        return super().run(world, command)

    def prepare(self, world: World) -> None:
        self.folder: Path = getattr(world, self.where)
        kept = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        mount("-t", "tmpfs", "-o", "size=256m", "none", str(self.folder))
        for name, data in kept.items():
            (self.folder / name).write_bytes(data)
        if not self.later:
            self._fill()

    def strike(self, world: World) -> None:
        if self.later:
            self._fill()

    def _fill(self) -> None:
        """Shrink the file system to what is in it and ``room`` bytes more."""
        state = os.statvfs(self.folder)
        used = (state.f_blocks - state.f_bfree) * state.f_frsize
        subprocess.run(
            ["mount", "-o", f"remount,size={used + self.room}", str(self.folder)],
            capture_output=True,
            check=False,
        )

    def mend(self, world: World) -> None:
        """There is room again. Whatever lies on the small file system goes back to where it was."""
        kept = {path.name: path for path in self.folder.iterdir()}
        aside = world.folder / "aside"
        subprocess.run(["rm", "-rf", str(aside)], check=True)
        aside.mkdir()
        for path in kept.values():
            subprocess.run(["cp", "-a", str(path), str(aside)], check=True)
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        subprocess.run(["rm", "-rf", *map(str, self.folder.iterdir())], check=True)
        for path in aside.iterdir():
            subprocess.run(["mv", str(path), str(self.folder)], check=True)


@dataclass
class RootFault(Fault):
    """Something about the folder of photos."""

    needs_photos = True
    rescans = True
    codes = frozenset({1, 2})
    says = r"(?i)folder|drive|missing"


@dataclass
class Unmounted(RootFault):
    name = "root unmounted"
    needs_mounts = True

    def strike(self, world: World) -> None:
        world.unplug()

    def mend(self, world: World) -> None:
        if self.struck:
            world.plug_in()


@dataclass
class Emptied(RootFault):
    """The stations' folders go away one after the other."""

    name = "root emptied"

    def draw(self) -> None:
        self.pause = self.rng.choice([0.0, 0.01, 0.2])
        self.only = self.rng.choice([None, None, SMALL])

    def strike(self, world: World) -> None:
        self.away = world.folder / "away"
        # On one file system, so that no file changes: of a mounted library, beside its store.
        home = world.store if world.mounts else world.root
        self.moves = [(p, self.away / p.name) for p in sorted(home.iterdir()) if self.only in (None, p.name)]
        self.away.mkdir()
        for here, there in self.moves:
            here.rename(there)
            time.sleep(self.pause)

    def mend(self, world: World) -> None:
        if self.struck:
            for here, there in self.moves:
                there.rename(here)
            self.away.rmdir()


@dataclass
class ReadOnly(Fault):
    name = "root read-only"
    needs_mounts = True
    needs_photos = True
    codes = frozenset()

    def strike(self, world: World) -> None:
        mount("-o", "remount,ro,bind", str(world.root))

    def mend(self, world: World) -> None:
        mount("-o", "remount,rw,bind", str(world.root))


@dataclass
class Slow(Fault):
    """Each open takes its time, as on a share; perhaps somebody has enough of it."""

    name = "root slow"
    needs_photos = True
    slows = True
    codes = frozenset({INTERRUPTED})

    def draw(self) -> None:
        self.delay_s = 10 ** self.rng.uniform(-3, -1.3)  # 1 .. 50 ms
        self.stopped = self.rng.random() < 0.3

    def prepare(self, world: World) -> None:
        self.env = {"CHAOS_SLOW": f"{self.delay_s:.4f} {world.root}"}

    def strike(self, world: World) -> None:
        if self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(world.launcher.pid, signal.SIGTERM)


@dataclass
class Failing(RootFault):
    """From a moment on some files, or all and the folders too, answer with an input/output error."""

    name = "root with read errors"
    says = r"(?i)unreadable|can't be read|cannot be read|input/output|disappeared|folder|drive|missing"
    again = ("--status", "failed")

    @classmethod
    def fits(cls, command: Command) -> bool:
        return command.reads_photos and "--status" not in command.argv

    def draw(self) -> None:
        self.share = self.rng.choice([self.rng.uniform(0.01, 0.3), self.rng.uniform(0.3, 1.0), 1.0])
        self.folders = self.rng.random() < 0.4

    def run(self, world: World, command: Command) -> Done | None:
        after_s = self.moment.fraction * world.seconds[command.name]
        self.env = {"CHAOS_EIO": f"{after_s:.3f} {self.share:.3f} {int(self.folders)} {world.root}"}
        return super().run(world, command)


@dataclass
class WorkerKilled(Fault):
    """One of the processes that decode photos is killed, as by a system that is short of memory."""

    name = "worker killed"
    says = "decodes photos died"
    extra = ("--workers", "2")

    @classmethod
    def fits(cls, command: Command) -> bool:
        return command.argv[0] == "detect"

    def draw(self) -> None:
        self.late = self.rng.uniform(0.0, 4.0)

    def run(self, world: World, command: Command) -> Done | None:
        world.launcher.start([*world.argv(command), *self.extra], world.environment(), world.folder)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.struck:
            done = world.launcher.wait(0.01)
            if done is not None:
                return done
            workers = [pid for pid in session(world.launcher.pid) if "spawn_main" in command_line(pid)]
            if len(workers) == 2:
                done = world.launcher.wait(self.late)
                if done is not None:
                    return done
                self.struck = True
                try:
                    os.kill(self.rng.choice(workers), signal.SIGKILL)
                except ProcessLookupError:
                    self.struck = False
                    break
        return world.launcher.wait(120)


@dataclass
class DecoderKilled(Fault):
    """The process that decodes videos is killed, as by a system short of memory: it is started again."""

    name = "video decoder killed"
    codes = frozenset()
    needs_photos = True

    def draw(self) -> None:
        self.late = self.rng.choice([0.0, self.rng.uniform(0.0, 1.0)])

    def run(self, world: World, command: Command) -> Done | None:
        world.launcher.start(world.argv(command), world.environment(), world.folder)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not self.struck:
            done = world.launcher.wait(0.01)
            if done is not None:
                return done
            if decoders(world):
                done = world.launcher.wait(self.late)
                if done is not None:
                    return done
                self.struck = True
                for pid in decoders(world):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        return world.launcher.wait(120)


@dataclass
class NoMemory(Fault):
    """Decoding some photos finds no memory: they fail by name, and are looked at when asked for again."""

    name = "out of memory in decoding"
    codes = frozenset({1})
    says = "too_large"
    again = ("--status", "failed")

    @classmethod
    def fits(cls, command: Command) -> bool:
        return command.argv[0] == "detect" and "--status" not in command.argv

    def draw(self) -> None:
        self.env = {"CHAOS_MEMORY": f"{self.rng.uniform(0.01, 0.3):.3f}"}


@dataclass
class WorkerLimited(Fault):
    """Workers may take only so much memory: they fail photos, or die."""

    name = "out of memory in a worker"
    codes = frozenset({1, 2})
    says = "too_large|decodes photos died|memory"
    extra = ("--workers", "1")
    again = ("--status", "failed")

    @classmethod
    def fits(cls, command: Command) -> bool:
        return command.argv[0] == "detect" and "--status" not in command.argv

    def draw(self) -> None:
        # With less than 4 MB a worker does not live to its first line, and Python prints what it likes.
        self.env = {"CHAOS_LIMIT": str(int(10 ** self.rng.uniform(6.6, 8.5)))}


@dataclass
class ClockBack(Fault):
    """The machine's clock jumps back by hours or years while the command works."""

    name = "clock set back"
    codes = frozenset()

    def draw(self) -> None:
        self.after = self.rng.choice([0.0, self.rng.uniform(0, 1.0)])
        self.offset = -self.rng.choice([3600.0, 86400.0 * 40, 86400.0 * 365 * 15])
        self.env = {"CHAOS_CLOCK": f"{self.after:.3f} {self.offset}"}


FAULTS: tuple[type[Fault], ...] = (
    Kill,
    Terminate,
    Interrupt,
    DiskFull,
    Unmounted,
    Emptied,
    ReadOnly,
    Slow,
    Failing,
    WorkerKilled,
    DecoderKilled,
    NoMemory,
    WorkerLimited,
    ClockBack,
)


def session(pid: int) -> list[int]:
    """The processes of the session that ``pid`` leads, itself and zombies left out."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != pid:
            try:
                rest = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(rest[3]) == pid and rest[0] != "Z":
                found.append(int(entry.name))
    return found


def decoders(world: World) -> list[int]:
    """The processes that decode videos for a command in ``world``: each leads a session of its own."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if (
                entry.name.isdigit()
                and "trailcam.video.child" in command_line(int(entry.name))
                and (entry / "cwd").readlink() == world.folder.resolve()
                and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
            ):
                found.append(int(entry.name))
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
