"""Writes the tables of docs/reliability.md: ``python -m tests.chaos.tell [--chaos FILE...] [--cron FILE]``.

A table stands between two comments and is replaced as a whole, so that nobody types a figure by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.chaos.rounds import OUTCOMES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
PER_HOUR = 12


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chaos", type=Path, nargs="+", default=[], help="of tests.chaos --results")
    parser.add_argument("--cron", type=Path, help="of benchmarks/cron_bench.py --results")
    given = parser.parse_args()
    text = DOCS.read_text(encoding="utf-8")
    if given.chaos:
        text = replaced(text, "chaos", chaos_table([read(path) for path in given.chaos]))
    if given.cron:
        text = replaced(text, "cron", cron_table(read(given.cron)))
    DOCS.write_text(text, encoding="utf-8")
    return 0


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def replaced(text: str, name: str, table: str) -> str:
    """``text`` with what stands between the two comments of that name replaced."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    pattern = re.compile(f"{begin}.*?{end}", re.DOTALL)
    assert pattern.search(text), f"the page has no {begin}"
    return pattern.sub(lambda _: f"{begin}\n{table}\n{end}", text)


def chaos_table(results: list[dict[str, Any]]) -> str:
    """Faults by outcomes, and commands by faults."""
    verdicts = [tuple(v) for result in results for v in result["verdicts"]]
    n_broken = sum(len(result["broken"]) for result in results)
    faults = sorted({fault for _, fault, _, _ in verdicts})
    counts = Counter((fault, outcome) for _, fault, _, outcome in verdicts)
    shown = [outcome for outcome in OUTCOMES if any(counts[f, outcome] for f in faults)]
    lines = ["| fault | rounds | " + " | ".join(shown) + " |", "|---|---" + "|---" * len(shown) + "|"]
    for fault in faults:
        row = [counts[fault, outcome] for outcome in shown]
        lines.append(f"| {fault} | {sum(row)} | " + " | ".join(str(n or "") for n in row) + " |")
    total = [sum(counts[f, outcome] for f in faults) for outcome in shown]
    lines.append(f"| all | {sum(total)} | " + " | ".join(map(str, total)) + " |")
    commands = Counter(command for _, _, command, _ in verdicts)
    seeds = [f"{min(v[0] for v in r['verdicts'])} to {max(v[0] for v in r['verdicts'])}" for r in results]
    lines += [
        "",
        f"{len(verdicts) + n_broken} rounds (of seeds {', '.join(seeds)}), {n_broken} of them ended badly. "
        "By command: " + ", ".join(f"{c} {n}" for c, n in sorted(commands.items())) + ".",
    ]
    left_out = {result["left_out"] for result in results} - {None}
    lines += [f"Left out: {reason}." for reason in sorted(left_out)]
    return "\n".join(lines)


def cron_table(result: dict[str, Any]) -> str:
    """Medians by the hour, and how the last hour compares with the second."""
    rounds = result["rounds"]
    lines = [
        "| hour | scan | detect | digest | peak memory | open files | database | files beside it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    hours = [rounds[at : at + PER_HOUR] for at in range(0, len(rounds) - PER_HOUR + 1, PER_HOUR)]
    chosen = [n for n in range(len(hours)) if n in (0, 1) or (n + 1) % 4 == 0 or n == len(hours) - 1]
    for n in chosen:
        hour = hours[n]
        seconds = [statistics.median(r["seconds"][c] for r in hour) for c in ("scan", "detect", "digest")]
        memory = max(max(r["memory"].values()) for r in hour)
        handles, last = max(r["handles"] for r in hour), hour[-1]
        lines.append(
            f"| {n + 1} | " + " | ".join(f"{s:.1f} s" for s in seconds) + f" | {memory:.0f} MB | {handles} | "
            f"{last['database']:.1f} MB | {last['files']} |"
        )
    growth = ", ".join(f"{name} x{factor:.2f}" for name, factor in result["growth"].items())
    lines += [
        "",
        f"{result['photos']:,} photos known before, {result['new_per_round']} new and one replaced in each "
        f"of {len(rounds)} rounds; DuckDB {result['duckdb']}, Python {result['python']}. "
        f"The last hour measured against the second: {growth}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
