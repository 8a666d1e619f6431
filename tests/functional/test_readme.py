"""Every trailcam command that the README shows is run here, on the sample library."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest
from rich.console import Console

from tests.conftest import CHECKOUT, Cli, SampleLibrary
from tests.helpers import networks
from trailcam.cli.render import show
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.common import Question
from trailcam.store.database import Database

README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"```(?:console|cron)\n(.*?)```", README, flags=re.DOTALL)


def readme_commands() -> list[str]:
    """Every ``trailcam ...`` in the README's blocks, once each, in order, without redirections."""
    found = [
        re.sub(r"\s*(>>|&&).*", "", part).strip()
        for block in _BLOCKS
        for line in block.splitlines()
        if line.startswith("$ ") or "* * *" in line
        for part in re.findall(r"(?:^\$ |\s)(trailcam [^&]*)", line)
        if not line.startswith("$ git")
    ]
    return list(dict.fromkeys(found))


def test_the_readme_shows_the_whole_way() -> None:
    text = "\n".join(readme_commands())
    for command in ("scan", "detect", "report bucks", "status"):
        assert f"trailcam {command}" in text


@pytest.mark.timeout(600)
def test_every_command_of_the_readme_works(
    cli: Cli, sample_library: SampleLibrary, coco_weights: Path, tmp_path: Path
) -> None:
    env = {"TRAILCAM_DETECT_WEIGHTS": str(coco_weights)}
    # The pair that README describes, with files of its names.
    (described,) = re.findall(r"```toml\n(\[detector\].*?)```", README, flags=re.DOTALL)
    (tmp_path / "north.toml").write_text(described, encoding="utf-8")
    networks.save_yolox(tmp_path / "wildlife.pth")
    networks.save_classifier(tmp_path / "species.pt", ["bobcat", "coyote", "deer"])
    for command in readme_commands():
        words = [w.replace("/mnt/trailcam", str(sample_library.root)) for w in shlex.split(command)[1:]]
        done = cli(*words, env=env, cwd=tmp_path, timeout=300)
        # The sample library holds one broken file, so 1 ("some failed") is right where photos are looked at.
        allowed = (0, 1) if words[0] in ("scan", "detect") else (0,)
        assert done.returncode in allowed, f"{command}\n{done.stderr}"
    assert (tmp_path / "bucks_by_hour.csv").read_text(encoding="utf-8").startswith("hour,")


@pytest.mark.timeout(600)
def test_the_readme_begins_with_what_the_demo_prints(
    cli: Cli, sample_library: SampleLibrary, tmp_path: Path
) -> None:
    """The last digits of confidences differ between processors; all else is compared, line by line."""
    (shown,) = re.findall(r"```text\n\$ (.*?)```", README, flags=re.DOTALL)
    command, _, screen = shown.partition("\n")
    assert command == ".venv/bin/trailcam report bucks --db build/demo/demo.duckdb"
    assert "run report bucks --db $$db" in (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    database = tmp_path / "demo.duckdb"
    assert cli("scan", sample_library.root, "--db", database).returncode == 0
    done = cli("detect", "--db", database, timeout=500)
    assert done.returncode == 1, done.stderr  # one file is broken
    with Database(database).read() as db:
        report = buck_report(db, Question(), screen=True)
    text = io.StringIO()
    console = Console(file=text, width=80, force_terminal=True, color_system=None, highlight=False)
    show(report, console, lambda words: f".venv/bin/trailcam {words} --db build/demo/demo.duckdb")
    printed = [line.rstrip() for line in text.getvalue().splitlines()]
    assert [re.sub(r"0\.\d\d", "0.##", line) for line in printed] == [
        re.sub(r"0\.\d\d", "0.##", line) for line in screen.splitlines()
    ]


def test_make_targets_named_in_the_readme_exist() -> None:
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"make ([a-z]+)\b", README.replace("Without make", ""))):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
