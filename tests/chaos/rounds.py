"""A round: a command, a fault at a random moment, what must hold afterwards, and the command once more."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass

import duckdb

from tests.chaos.faults import FAULTS, INTERRUPTED, Fault, decoders, session
from tests.chaos.world import COMMANDS, Command, Done, Tables, World, files_below, tables
from trailcam.store.invariants import broken
from trailcam.store.migrations import LATEST

RAW = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Broken(AssertionError):
    """Something that must hold doesn't."""


@dataclass(frozen=True)
class Verdict:
    """``outcome`` is one of :data:`OUTCOMES`."""

    seed: int
    command: str
    fault: str
    outcome: str
    seconds: float


UNTOUCHED = "ended as if nothing had happened"
STOPPED = "stopped in order, carried on"
KILLED = "killed, carried on"
REFUSED = "refused with a message, carried on"
SOME = "some photos failed or missing, recovered"
OUTCOMES = (UNTOUCHED, STOPPED, KILLED, REFUSED, SOME)


def choices(world: World) -> list[tuple[Command, type[Fault]]]:
    """Every fault with every command that it can strike."""
    return [
        (command, fault)
        for fault in FAULTS
        for command in COMMANDS.values()
        if fault.fits(command) and (world.mounts or not fault.needs_mounts)
    ]


def play(world: World, seed: int, only: str | None = None) -> Verdict:
    """The round called ``seed``. Raises Broken, naming what doesn't hold."""
    rng = random.Random(seed)
    pairs = [(c, f) for c, f in choices(world) if only is None or only in (f.name, c.name)]
    kind = rng.choice(sorted({f.name for _, f in pairs}))  # each fault as often as any other
    command, fault_class = rng.choice([(c, f) for c, f in pairs if f.name == kind])
    fault = fault_class(rng)
    began = time.monotonic()
    try:
        outcome = _play(world, command, fault)
    except Broken as error:
        raise Broken(f"round {seed} ({fault.name} in {command.name}, {vars(fault)}): {error}") from error
    return Verdict(seed, command.name, fault.name, outcome, time.monotonic() - began)


def _play(world: World, command: Command, fault: Fault) -> str:
    world.begin_with(command.start)
    before = tables(world.db) if command.start and command.start != "old" else None
    try:
        done = fault.run(world, command)
        left_over(world)
    finally:
        fault.mend(world)
    if done is None:
        raise Broken("it hangs")
    outcome = judge(command, fault, done)
    if outcome == UNTOUCHED and not fault.slows:  # how long it takes just now: other work comes and goes
        world.seconds[command.name] = (world.seconds[command.name] + done.seconds) / 2
    check_database(world, command, before)
    check_output(world, command, done)
    mend_and_compare(world, command, fault)
    return outcome


def judge(command: Command, fault: Fault, done: Done) -> str:
    """The outcome, by exit code and messages."""
    told = f"exit code {done.code}\n{done.err}"
    if "Traceback" in done.err or "Exception ignored" in done.err or RAW.search(done.err):
        raise Broken(f"stderr is not for people: {told}")
    if "Unexpected error (a bug)" in done.err:
        raise Broken(f"an error that nobody foresaw: {told}")
    struck_some = bool(fault.again) and re.search(fault.says, done.err) is not None
    missing = done.code == 1 and "missing" in done.err.replace("0 missing", "")
    if done.code == command.code and not struck_some and not missing:
        return UNTOUCHED
    if done.code not in fault.codes | {command.code}:
        raise Broken(f"neither {command.code} nor one of {sorted(fault.codes)}: {told}")
    if done.code < 0:
        return KILLED
    if done.code == INTERRUPTED:
        if not re.search("(?i)interrupted|stopped", done.err):
            raise Broken(f"it doesn't say that it was interrupted: {told}")
        return STOPPED
    if fault.says and not re.search(fault.says, done.err):
        raise Broken(f"no word of {fault.says!r}: {told}")
    if done.code == 2:
        if not re.search("^error: .", done.err, re.MULTILINE):
            raise Broken(f"no error is named: {told}")
        return REFUSED
    return SOME


def check_database(world: World, command: Command, before: Tables | None) -> None:
    """It opens, its invariants hold, and nothing that was in it is lost."""
    if not world.db.exists():
        if command.start is not None:
            raise Broken("the database is gone")
        return
    try:
        with duckdb.connect(str(world.db), read_only=True) as db:
            ((version,),) = db.execute("SELECT max(version) FROM migrations").fetchall()
            found = [] if version < LATEST else broken(db)
    except duckdb.Error as error:
        raise Broken(f"the database can't be used: {error}") from error
    if found:
        raise Broken(f"{[(b.rule.never, b.n, b.examples) for b in found]}")
    if before is not None and command.name != "rescan":
        after = tables(world.db)
        for name in ("results", "detections", "judgements", "told"):
            if lost := set(before[name]) - set(after[name]):
                raise Broken(f"{len(lost)} rows of {name} are lost, such as {sorted(lost, key=str)[0]}")


def check_output(world: World, command: Command, done: Done) -> None:
    """A file is whole or not there; drafts are left by a kill alone."""
    golden = world.outputs.get(command.name, {})
    drafts = [p for p in world.out.rglob("*") if p.name.startswith(".trailcam-")]
    if drafts and done.code >= 0:
        raise Broken(f"drafts are left in the output: {drafts}")
    for name, content in files_below(world.out):
        if name in golden and not same(content, golden[name]):
            raise Broken(f"{name} is neither absent nor whole: {len(content)} bytes")


def same(a: bytes, b: bytes) -> bool:
    """Equal except for times of the machine's clock."""
    when = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d")
    return when.sub(b"", a) == when.sub(b"", b)


def mend_and_compare(world: World, command: Command, fault: Fault) -> None:
    """The same command once more ends in the same tables as if nothing had ever happened."""
    if fault.rescans:
        again = world.run(("scan", "ROOT"))
        if again.code:
            raise Broken(f"scanned again: exit code {again.code}\n{again.err}")
    asks = bool(fault.again) and command.argv[0] == "detect"
    if asks:
        world.run([*command.argv, *fault.again])
    again = world.run(command)
    if again.code not in (0, command.code) or "Traceback" in again.err:
        raise Broken(f"run again: exit code {again.code}\n{again.err}")
    if asks:  # what was asked for again by name is looked at twice at most
        again = world.run([*command.argv, *fault.again])
    golden, found = world.golden[command.name], tables(world.db)
    for name, rows in golden.items():
        if name == "runs" and (fault.rescans or fault.again or not command.once):
            continue  # what a first run missed, a second one looked at
        if name == "results" and (fault.rescans or fault.again):
            continue
        if rows != found[name]:
            more, less = set(found[name]) - set(rows), set(rows) - set(found[name])
            raise Broken(
                f"run again, {name} differs from an undisturbed run: {len(more)} rows more, such as "
                f"{sorted(more, key=str)[:2]}, {len(less)} fewer, such as {sorted(less, key=str)[:2]}"
            )
    if command.output:
        left = dict(files_below(world.out))
        golden_files = world.outputs[command.name]
        wrong = {n for n in golden_files if not same(left.get(n, b""), golden_files[n])}
        if wrong:
            raise Broken(f"run again, the output differs: {sorted(wrong)[:3]}")


def left_over(world: World) -> None:
    """No process of the command outlives it."""
    deadline = time.monotonic() + 20
    while left := [*session(world.launcher.pid), *decoders(world)]:
        if time.monotonic() > deadline:
            raise Broken(f"processes are left behind: {left}")
        time.sleep(0.05)
