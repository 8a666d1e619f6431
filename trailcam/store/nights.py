"""The moon of each night that photos were taken in."""

from __future__ import annotations

import numpy as np

from trailcam.store.columns import texts
from trailcam.store.database import Connection, lent, query
from trailcam.sun.sky import moon_name, moon_phase


def make_nights(db: Connection) -> None:
    """Make the table ``nights`` for the view ``selected``: the day that begins in each, and its moon.

    A night lasts from noon to noon, see :func:`trailcam.sun.sky.night_midnight`.
    """
    nights = [night for (night,) in db.execute(query("nights")).fetchall()]
    moons = {
        "night": np.array(nights, "datetime64[us]"),
        "moon": texts(moon_name(moon_phase(night)) for night in nights),
    }
    with lent(db, moons=moons):
        db.execute("CREATE OR REPLACE TEMP TABLE nights AS SELECT night::DATE AS night, moon FROM moons")
