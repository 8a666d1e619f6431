"""Mutations of bytes: flips, cuts, repeats, splices, and the numbers and words on which parsers stumble."""

from __future__ import annotations

import random
from collections.abc import Sequence

_WORDS = (
    b"", b"\0", b"\xff\xff\xff\xff", b"-1", b"NaN", b"Infinity", b"1e999", b"99999999999999999999", b"null",
    b"[", b"{", b'"', b"\\ud800", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"..", b"/", b"\r", b"\n", b",", b"=",
    b"\x1b[31m", b"0000", b"\x7f", b"true", b"0.0", b"-0", b"[" * 2000, b"9" * 400,
)  # fmt: skip


def mutated(rng: random.Random, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds``, changed at up to eight places."""
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.randrange(1, 9)):
        at = rng.randrange(len(data) + 1)
        until = min(len(data), at + rng.choice([1, 1, 2, 4, 16, 64]))
        kind = rng.randrange(6)
        if kind == 0 and data:
            data[at % len(data)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at:until] = rng.choice(_WORDS)
        elif kind == 2:
            data[at:at] = rng.choice(_WORDS)
        elif kind == 3:
            del data[at:until]
        elif kind == 4:
            data[at:at] = data[at:until] * rng.choice([1, 2, 50])
        else:
            other = rng.choice(seeds)
            begin = rng.randrange(len(other) + 1)
            data[at:until] = other[begin : begin + rng.choice([1, 4, 64])]
    return bytes(data)
