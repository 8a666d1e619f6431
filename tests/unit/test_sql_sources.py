"""SQL takes values as parameters: read from the sources. Where it can't, texts go through one function."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trailcam.store.database import quoted

PACKAGE = Path(__file__).resolve().parents[2] / "trailcam"

# What may stand inside a statement that is put together, by module: the program's own texts (names of tables
# and columns, parts of SQL), checked numbers, and quoted() where a view or COPY takes no parameter. Never a
# user's words as they are. Whoever adds to it has read where the text comes from.
REVIEWED: dict[str, set[str]] = {
    "store/check_database.py": {"name", "quoted(str(path))"},
    "store/columns.py": {"column", "table"},
    "store/two_runs.py": {"asked", "FALLBACK_CONFIDENCE", "side.format(n=int(a))", "side.format(n=int(b))"},
    "store/camera_days.py": {
        "_DAYS_OF_SILENCE",
        "_days_where(selection)",
        "key_columns(keys, first_month, 'day')",
        "key_columns(others, first_month, 'day')",
        "query('camera_days').replace('$silent_days', str(int(silent_days)))",
    },
    "store/counted.py": {
        "_boxes(_reaches(confidence), judged=photos.judged is not None, hidden=hidden)",
        "_reaches(self.confidence)",
    },
    "store/database.py": {"name", "quoted(str(draft))", "sql"},
    "store/deployments.py": {"query('deployments').replace('$silent_days', str(int(silent_days)))"},
    "store/export_rows.py": {
        "_UNDATED_US",
        "limit",
        "min(THREADS, os.cpu_count() or 1)",
        "quoted(str(scratch))",
    },
    "store/table_rows.py": {"options", "quoted(str(target))", "sql"},
    "store/contents.py": {"RECOUNT_RUNS", "column", "images", "table", "where"},
    "store/images.py": {"RECOUNT_RUNS", "REPLACED", "column", "sql", "table"},
    "store/invariants.py": {"rule.sql"},
    "store/judged.py": {"query('judged').replace('{same}', repr(SAME))"},
    "store/migrations.py": {"RECOUNT_RUNS", "column", "table"},
    "store/moments.py": {"_NO_STILLS"},
    "store/hidden.py": {"_EMPTY", "query('hidden').replace('$exactly', repr(SAME_PLACE))"},
    "store/notes.py": {"', '.join(NOTE_COLUMNS)"},
    "store/parquet.py": {"columns", "pairs", "sql", "quoted(str(target.absolute()))"},
    "store/parts.py": {"PHOTO", "_PIECE", "column"},
    "store/photo_counts.py": {
        "', '.join((f\"count(*) FILTER (status = '{status}') AS {status}\" for status in STATUSES))",
        "key_columns(keys, first_month)",
    },
    "store/photo_facts.py": {"', '.join((f'i.{name}' for name in NOTE_COLUMNS))"},
    "store/repeats.py": {"sql"},
    "store/repair.py": {"_ALL_REPEAT", "_DOUBTFUL", "_SAME_BYTES", "sql"},
    "store/run_choice.py": {"images"},
    "store/run_sink.py": {"own", "TODO"},
    "store/work_list.py": {"PHOTO", "TODO"},
    "store/select.py": {"_where(selection)", "base", "sql"},
    "store/clock_shifts.py": {"' AND '.join(terms)"},
    "store/scenes.py": {"query('scenes').replace('$gap_us', str(gap_us(gap)))"},
    "store/temp_tables.py": {"self.DROPS"},
    "store/name_files.py": {"cells", "table"},  # the columns of NEEDED; a file's path, quoted
    "store/named.py": {
        "ended",
        "query('named').replace('{covers}', repr(COVERS)).rstrip()",
        "query('names_in_force').replace('{same}', repr(SAME))",
    },
    "store/named_visits.py": {
        "', '.join((f' list_position(${word}, {column})::BIGINT - 1 AS {word}'"
        " for word, column in asked.items()))",
        "NO_OFFSET",
        "key_columns(keys, first_month, 'captured_at', 's.station')",
        "key_columns(keys, first_month, 'v.begins_at', 'v.station')",
        "season",
        "sql",
    },
    "store/visits.py": {
        "_SIGHTINGS",
        "', '.join((f' list_position(${word}, {column})::BIGINT - 1 AS {word}'"
        " for word, column in asked.items()))",
        "NO_OFFSET",
        "TEMPERATURE",
        "TEMPERATURES",
        "key_columns(keys, first_month)",
        "key_columns(keys, first_month, 'begins_at')",
        "key_columns(keys, first_month, 's.captured_at', 's.station')",
        "sql",
    },
    "store/static_rows.py": {
        "_with_camera('static_cover')",
        "_with_camera('static_photos')",
        "here",
        "query('station_was')",
    },
    "store/static_known.py": {"query('station_was')"},
    "store/static_search.py": {"CAMERA", "_NO_TIME"},
    "store/station_facts.py": {"', '.join(FACTS)", "column", "columns", "fact"},
}


def statements(tree: ast.AST) -> Iterator[ast.expr]:
    """The SQL of every call that runs some."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):  # of a connection
                where = {"execute": 0, "executemany": 0}.get(node.func.attr)
            else:
                where = {"one": 1, "rows": 1}.get(getattr(node.func, "id", ""))
            if where is not None and len(node.args) > where:
                yield node.args[where]


def parts(sql: ast.expr) -> Iterator[str]:
    """What of a statement is neither written out nor a query's file, as it stands in the source."""
    if isinstance(sql, ast.Constant):
        return
    if isinstance(sql, ast.JoinedStr):
        for value in sql.values:
            if isinstance(value, ast.FormattedValue):
                yield ast.unparse(value.value)
    elif isinstance(sql, ast.BinOp) and isinstance(sql.op, ast.Add):
        yield from parts(sql.left)
        yield from parts(sql.right)
    elif isinstance(sql, ast.IfExp):
        yield from parts(sql.body)
        yield from parts(sql.orelse)
    elif isinstance(sql, ast.Call) and isinstance(sql.func, ast.Name) and sql.func.id == "query":
        return
    else:
        yield ast.unparse(sql)


def found() -> dict[str, set[str]]:
    table = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if own := {part for sql in statements(tree) for part in parts(sql)}:
            table[path.relative_to(PACKAGE).as_posix()] = own
    return table


# Modules outside store/ that hold SQL of their own: none. It may only shrink.
OUTSIDE_STORE: set[str] = set()


def holds_sql(tree: ast.AST) -> bool:
    """Does a module run statements, or hold texts that are some?"""
    words = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ")
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return any(isinstance(text, str) and text.lstrip().startswith(words) for text in texts) or any(
        True for _ in statements(tree)
    )


def test_sql_lives_in_store() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        if path.parent.name != "store" and holds_sql(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found - OUTSIDE_STORE == set(), "SQL belongs into store/"
    assert OUTSIDE_STORE - found == set(), "these hold none any more: take them out of the list"


def is_thick(tree: ast.AST) -> bool:
    """Does a command open a transaction itself? Whoever decides what is written stands below ``cli``."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "write"
        and not node.args
        and not node.keywords
        for node in ast.walk(tree)
    )


def test_commands_open_no_transaction() -> None:
    found = {
        path.name
        for path in (PACKAGE / "cli").glob("*.py")
        if is_thick(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == {"open_library.py"}, "a command changes the library inside library.writing() alone"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("db.execute('SELECT 1')", set()),
        ("db.execute(query('x'), [name])", set()),
        ("db.execute(f'SELECT {name}')", {"name"}),
        ("db.execute('SELECT ' + name + '')", {"name"}),
        ("db.execute('SELECT {}'.format(name))", {"'SELECT {}'.format(name)"}),
        ("rows(db, 'SELECT %s' % name)", {"'SELECT %s' % name"}),
        ("one(db, sql)", {"sql"}),
    ],
)
def test_the_reader_sees_every_form(source: str, expected: set[str]) -> None:
    assert {part for sql in statements(ast.parse(source)) for part in parts(sql)} == expected


def test_nothing_unreviewed_is_put_into_sql() -> None:
    new = {
        f"{module}: {part}" for module, own in found().items() for part in own - REVIEWED.get(module, set())
    }
    assert new == set(), "read where these come from; if no user's words are in them, add them to REVIEWED"


@settings(deadline=None)  # the first connection takes its time
@given(st.text().filter(lambda text: "\0" not in text))
def test_quoted_text_is_that_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate is no text that DuckDB takes
        return
    assert duckdb.execute(f"SELECT {quoted(text)}").fetchall() == [(text,)]
