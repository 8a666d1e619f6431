"""Accounts without a home, users that nobody knows, and paths that the system refuses."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from tests.conftest import Cli
from trailcam.errors import UsageError
from trailcam.files import home
from trailcam.settings.config import load


def test_a_user_that_nobody_knows() -> None:
    assert home.at_home(Path("~/x")) == Path.home() / "x"
    assert home.at_home(Path("a/~b")) == Path("a/~b")
    with pytest.raises(UsageError, match="a user who isn't known here") as caught:
        home.at_home(Path("~no-such-user/x"))
    assert caught.value.hint


def test_an_account_without_a_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user number without an account, as containers give it, and no HOME."""

    def none(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    for name in ("user_data_dir", "user_config_dir", "user_cache_dir"):
        monkeypatch.setattr(platformdirs, name, none)
    with pytest.raises(UsageError, match="no home folder") as caught:
        load(None, {}, {})  # where should the database be?
    assert "export HOME=" in caught.value.hint
    assert load(None, {"db": str(tmp_path / "x.duckdb")}, {}).source is None


def test_a_path_that_the_system_refuses_is_no_bug_and_no_full_disk(cli: Cli) -> None:
    for words in (["status", "--config"], ["models", "show"], ["gallery", "-o"], ["report", "bucks", "-o"]):
        done = cli(*words, f"{'x' * 300}.html")
        assert done.returncode == 2, words
        assert "Is the disk full" not in done.stderr
        assert "(a bug)" not in done.stderr
        assert done.stderr.startswith("error: "), done.stderr
