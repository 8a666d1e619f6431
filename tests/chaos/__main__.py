"""The long run: ``python -m tests.chaos --rounds 500``. Prints the seed of every round that breaks."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.rounds import Broken, Verdict, play
from tests.chaos.world import World, may_mount


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the others follow it")
    parser.add_argument("--only", help="a fault or a command by its name in the table")
    parser.add_argument("--results", type=Path, help="JSON file to write")
    given = parser.parse_args()
    verdicts: list[Verdict] = []
    broken: list[str] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trailcam-chaos-") as folder:
        refusal = may_mount(Path(folder) / "try")
        if refusal:
            print(f"Faults that need a mount are left out: {refusal}.")  # noqa: T201
        world = World(Path(folder) / "world", mounts=not refusal)
        try:
            for seed in range(given.seed, given.seed + given.rounds):
                try:
                    verdicts.append(play(world, seed, given.only))
                    v = verdicts[-1]
                    print(f"{seed}: {v.fault} in {v.command}: {v.outcome} ({v.seconds:.1f} s)", flush=True)  # noqa: T201
                except Broken as error:
                    broken.append(str(error))
                    print(f"BROKEN {error}", flush=True)  # noqa: T201
                if given.results:
                    save(given, refusal, verdicts, broken)
        finally:
            world.close()
    spent = time.monotonic() - began
    print(f"{given.rounds} rounds in {spent:.0f} s, {len(broken)} broken.")  # noqa: T201
    return 1 if broken else 0


def save(given: argparse.Namespace, left_out: str | None, verdicts: list[Verdict], broken: list[str]) -> None:
    """The rounds so far, for tests/chaos/tell.py."""
    record = {
        "first_seed": given.seed,
        "left_out": left_out,
        "broken": broken,
        "verdicts": [[v.seed, v.fault, v.command, v.outcome] for v in verdicts],
    }
    given.results.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
