"""The mount guard's first question, and its advice on each system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from trailcam.errors import RootError
from trailcam.files import mount_guard as root
from trailcam.files.mount_guard import alive, check_root, no_photos, too_many_gone


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plain Linux, with the places that tell otherwise below tmp_path. Returns what stands for /mnt."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(root, "MOUNTS", str(tmp_path / "mnt"))
    monkeypatch.setattr(root, "CONTAINER_MARKS", (str(tmp_path / ".dockerenv"),))
    monkeypatch.setattr(root, "OS_RELEASE", tmp_path / "osrelease")
    (tmp_path / "osrelease").write_text("6.8.0-41-generic\n")
    return tmp_path / "mnt"


def make_wsl(system: Path) -> None:
    (system.parent / "osrelease").write_text("5.15.153.1-microsoft-standard-WSL2\n")


def make_docker(system: Path) -> None:
    (system.parent / ".dockerenv").touch()


def refusal(given: str | Path) -> RootError:
    with pytest.raises(RootError) as caught:
        check_root(given)
    return caught.value


def test_a_folder_with_something_in_it_passes_as_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "photos" / "A").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert check_root("photos") == tmp_path / "photos"
    assert check_root(f"photos{os.sep}A{os.sep}..") == tmp_path / "photos"


def test_a_link_stays_as_the_user_wrote_it(tmp_path: Path) -> None:
    (tmp_path / "photos" / "A").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    assert check_root(tmp_path / "link") == tmp_path / "link"


def test_missing(system: Path, tmp_path: Path) -> None:
    error = refusal(tmp_path / "nowhere")
    assert error.message == f"There is no folder {tmp_path / 'nowhere'}."
    assert "mount" in error.hint


def test_below_a_file(system: Path, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert "There is no folder" in refusal(tmp_path / "a.jpg" / "photos").message


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    assert "is a file, not a folder" in refusal(tmp_path / "a.jpg").message


def test_empty(system: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    error = refusal(tmp_path / "photos")
    assert error.message == f"The folder {tmp_path / 'photos'} is empty."
    assert "isn't mounted" in error.hint


def test_a_link_to_itself_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "can't be read" in refusal(tmp_path / "loop").message


def test_a_name_too_long_cannot_be_read(tmp_path: Path) -> None:
    assert "can't be read" in refusal(tmp_path / ("x" * 300)).message


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    (tmp_path / "photos" / "A").mkdir(parents=True)
    (tmp_path / "photos").chmod(0)
    try:
        error = refusal(tmp_path / "photos")
    finally:
        (tmp_path / "photos").chmod(0o700)
    assert "can't be read: Permission denied" in error.message
    assert "permissions" in error.hint


def test_control_characters_are_not_printed(system: Path, tmp_path: Path) -> None:
    error = refusal(tmp_path / "a\x1b[31m\nb")
    assert "\x1b" not in error.message + error.hint
    assert "\n" not in error.message + error.hint


@pytest.mark.parametrize("given", ["I:\\Pics", "i:/Pics", "I:\\Pics\\", "I:\\\\Pics"])
def test_windows_path_whose_folder_exists_here(system: Path, given: str) -> None:
    (system / "i" / "Pics").mkdir(parents=True)
    for on_wsl in (False, True):
        if on_wsl:
            make_wsl(system)
        hint = refusal(given).hint
        assert f"here the same folder is {system}/i/Pics, which exists: use that" in hint


def test_windows_drive_alone_and_deep_path(system: Path) -> None:
    (system / "i" / "Pics" / "2024 rut").mkdir(parents=True)
    assert f"{system}/i, which exists" in refusal("I:").hint
    assert f"{system}/i/Pics/2024 rut, which exists" in refusal("I:\\Pics\\2024 rut").hint


def test_windows_path_on_linux(system: Path) -> None:
    hint = refusal("I:\\Pics").hint
    assert "This is a Windows path, and trailcam runs on Linux." in hint
    assert "drvfs" not in hint


def test_windows_path_in_wsl_says_how_to_mount(system: Path) -> None:
    make_wsl(system)
    hint = refusal("I:\\Pics").hint
    assert "runs in WSL" in hint
    assert f"{system}/i/Pics, but that doesn't exist" in hint
    assert f"sudo mount -t drvfs I: {system}/i`" in hint


@pytest.mark.parametrize("wsl", [False, True])
def test_windows_path_in_docker_says_how_to_give_the_folder(system: Path, wsl: bool) -> None:
    if wsl:
        make_wsl(system)
    make_docker(system)
    hint = refusal("I:\\Pics").hint
    assert "runs in a container" in hint
    assert "-v I:\\Pics:/photos" in hint


def test_windows_share_on_linux(system: Path) -> None:
    assert "This is a Windows path, and trailcam runs on Linux. Mount" in refusal("\\\\nas\\pics").hint


def test_wsl_path_in_wsl(system: Path) -> None:
    make_wsl(system)
    # Below /mnt itself, and a drive that no test machine has mounted.
    assert "sudo mount -t drvfs Q:" in refusal("/mnt/q/Pics").hint


def test_any_path_in_docker(system: Path) -> None:
    make_docker(system)
    assert "-v /folder/on/host:/photos" in refusal("/no/such/folder").hint


def test_wsl_path_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "on Windows the same folder is Q:\\Pics\\2024, if the drive is connected" in (
        refusal("/mnt/q/Pics/2024").hint
    )
    # On this system Q:\Pics is a file name like any other: a folder of that name stands for the drive's.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Q:\\Pics").mkdir()
    assert "Q:\\Pics, which exists: use that" in refusal("/mnt/q/Pics").hint


def test_windows_path_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert "Is the drive connected" in refusal("Q:\\Pics").hint


def test_no_photos_says_what_was_seen(system: Path, tmp_path: Path) -> None:
    assert "(2,000 other files seen)" in no_photos(tmp_path, 2000).message
    assert "seen" not in no_photos(tmp_path, 0).message
    only = no_photos(tmp_path, 1, "12 other pictures (12 HEIC)")
    assert "(12 other pictures (12 HEIC) and 1 other file seen)" in only.message
    assert "HEIC" in only.hint


def test_too_many_gone_names_the_share_and_the_way_out(system: Path, tmp_path: Path) -> None:
    error = too_many_gone("ranch", tmp_path, 2_041, 10_000, 0.20)
    assert "2,041 of the 10,000 known photos of 'ranch' are gone" in error.message
    assert "20.4%, more than the limit of 20%" in error.message
    assert "--accept-missing" in error.hint


def test_alive(tmp_path: Path) -> None:
    assert not alive(tmp_path)
    assert not alive(tmp_path / "nowhere")
    (tmp_path / "a.jpg").touch()
    assert alive(tmp_path)
    assert not alive(tmp_path / "a.jpg")
