"""The classes that a library has a word for: those of its models, and those that people named."""

from __future__ import annotations

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.settings.classmap import ClassRule, describe_class
from trailcam.store.database import Connection, rows


def named_classes(db: Connection) -> list[ClassInfo]:
    """The classes of models, the newest first, then those that people named."""
    found = rows(
        db,
        "SELECT name, kind, age_class, species FROM ("
        " SELECT name, kind, age_class, species, 0 AS rank, -run_id AS age, class_id AS n FROM classes"
        " UNION ALL SELECT class, kind, age_class, species, 1, 0, 0 FROM judged_boxes WHERE class IS NOT NULL"
        ") ORDER BY rank, age, n, name, kind, age_class, species",
    )
    return [
        describe_class(0, row["name"], _rule(row["kind"], row["age_class"], row["species"])) for row in found
    ]


def _rule(kind: str, age: str | None, species: str | None) -> ClassRule:
    return ClassRule(Kind(kind), AgeClass(age) if age else None, species)
