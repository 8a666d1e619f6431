"""``python -m tests.fuzz [TARGET]... [--seconds 600]``: look for bytes that break a target.

With atheris installed (``pip install atheris``; Linux and macOS) coverage guides it; without, mutations are
blind. What breaks a target is written to tests/fuzz/cases/TARGET/ and ends the run of that target.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import multiprocessing
import random
import sys
import time
import traceback
from pathlib import Path

CASES = Path(__file__).with_name("cases")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=600, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    from tests.fuzz.targets import TARGETS

    guided = importlib.util.find_spec("atheris") is not None
    print(f"{'atheris' if guided else 'blind mutations'}, {given.seconds} s for each target")  # noqa: T201
    spawn = multiprocessing.get_context("spawn")
    failed = []
    for name in given.targets or TARGETS:
        process = spawn.Process(target=guide if guided else mutate, args=(name, given.seconds, given.seed))
        process.start()
        process.join()
        if process.exitcode:
            failed.append(name)
    print(f"broken: {', '.join(failed) or 'none'}")  # noqa: T201
    return 1 if failed else 0


def mutate(name: str, seconds: float, seed: int) -> None:
    """Blind mutations of the seeds; leaves with 1 at the first that breaks the target."""
    from tests.fuzz.mutate import mutated
    from tests.fuzz.targets import TARGETS

    target, rng, n = TARGETS[name], random.Random(seed), 0
    seeds, end = target.seeds(), time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(rng, seeds)
        n += 1
        try:
            target.check(data)
        except BaseException:  # noqa: BLE001 - whatever it is, it is what we look for
            traceback.print_exc()
            print(f"{name}: {keep(name, data)}", flush=True)  # noqa: T201
            sys.exit(1)
    print(f"{name}: {n:,} inputs in {seconds:.0f} s, none broke it", flush=True)  # noqa: T201


def guide(name: str, seconds: int, seed: int) -> None:
    """atheris, from the seeds, over the branches of trailcam's own modules."""
    import atheris

    with atheris.instrument_imports(include=["trailcam"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    corpus = CASES.parents[2] / "build" / "fuzz" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for data in target.seeds():
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)

    def check(data: bytes) -> None:
        try:
            target.check(data)
        except BaseException:
            print(f"{name}: {keep(name, data)}", flush=True)  # noqa: T201
            raise

    options = [
        "-max_total_time=" + str(seconds),
        f"-seed={seed}",
        "-timeout=60",
        "-max_len=65536",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup(["fuzz", *options, f"-artifact_prefix={corpus}-", str(corpus)], check)
    atheris.Fuzz()


def keep(name: str, data: bytes) -> Path:
    """Write what broke a target where the tests find it."""
    path = CASES / name / hashlib.sha256(data).hexdigest()[:16]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path
