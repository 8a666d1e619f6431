"""Windows drives in WSL, with tables of mounts as WSL writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from trailcam import doctor
from trailcam.bench import measure
from trailcam.files import mount_guard
from trailcam.files.windows_drive import advice, windows_drive

WSL2 = r"""none /mnt/wsl tmpfs rw,relatime 0 0
/dev/sdc / ext4 rw,relatime,discard,errors=remount-ro,data=ordered 0 0
drivers /usr/lib/wsl/drivers 9p ro,dirsync,aname=drivers;fmask=222;dmask=222,trans=fd,rfd=7,wfd=7 0 0
C:\134 /mnt/c 9p rw,noatime,dirsync,aname=drvfs;path=C:\;uid=1000;gid=1000;symlinkroot=/mnt/,trans=fd 0 0
D:\134 /mnt/d 9p rw,noatime,dirsync,aname=drvfs;path=D:\;uid=1000;gid=1000;symlinkroot=/mnt/,trans=fd 0 0
/dev/sdd /mnt/d/inside ext4 rw,relatime 0 0
"""
WSL1 = "rootfs / wslfs rw,noatime 0 0\nI: /mnt/i drvfs rw,noatime,uid=1000,gid=1000 0 0\n"
DOCKER = r"""overlay / overlay rw,relatime,lowerdir=/var/lib/docker 0 0
E:\134 /photos 9p rw,noatime,dirsync,aname=drvfs;path=E:\;symlinkroot=/mnt/host/,trans=fd 0 0
"""
ELSEWHERE = r"""rootfs / ext4 rw 0 0
D:\134 /win/My\040Disk 9p rw,aname=drvfs;path=D:\;uid=1000 0 0
nas:/pics /mnt/p nfs rw 0 0
share /mnt/q 9p rw,trans=virtio 0 0
drvfsaF /mnt/f virtiofs rw,noatime,path=F: 0 0
"""


@pytest.fixture(autouse=True)
def _in_wsl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release = tmp_path / "osrelease"
    release.write_text("5.15.167.4-microsoft-standard-WSL2\n")
    monkeypatch.setattr(mount_guard, "OS_RELEASE", release)


@pytest.mark.parametrize(
    ("table", "folder", "drive"),
    [
        (WSL2, "/mnt/d/Pics", "D:"),
        (WSL2, "/mnt/c", "C:"),
        (WSL2, "/mnt/d/inside/Pics", None),
        (WSL2, "/home/ann/photos", None),
        (WSL2, "/usr/lib/wsl/drivers/x", None),
        (WSL2, "/mnt/data", None),
        (WSL1, "/mnt/i/Pics", "I:"),
        (DOCKER, "/photos/Hayfield", "E:"),
        (ELSEWHERE, "/win/My Disk/Pics", "D:"),
        (ELSEWHERE, "/mnt/p/Pics", None),
        (ELSEWHERE, "/mnt/q/Pics", None),
        (ELSEWHERE, "/mnt/f/Pics", "F:"),
        ("", "/mnt/d/Pics", None),
        ("broken\n\n x y\n", "/mnt/d/Pics", None),
    ],
)
def test_a_windows_drive_is_known_by_its_mount(
    tmp_path: Path, table: str, folder: str, drive: str | None
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(table)
    assert windows_drive(Path(folder), mounts) == drive


def test_without_a_table_or_outside_wsl_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert windows_drive(Path("/mnt/d"), tmp_path / "none") is None
    mounts = tmp_path / "mounts"
    mounts.write_text(WSL2)
    monkeypatch.setattr(mount_guard, "OS_RELEASE", tmp_path / "none")
    assert windows_drive(Path("/mnt/d"), mounts) is None


def test_doctor_and_bench_measure_it_and_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "windows_drive", lambda _: "D:")
    slow, fast = (doctor._drive_speed(Path("/mnt/d"), "20 photos read", mb_s) for mb_s in (130.0, 1300.0))
    assert slow is not None
    assert slow[0] == "20 photos read, on the Windows drive D:"
    assert "Windows itself" in slow[1]
    assert fast is None
    monkeypatch.setattr(measure, "windows_drive", lambda _: "D:")
    (note,) = measure._drive_note(Path("/mnt/d"), 134.0)
    assert note == f"The photos lie on the Windows drive D:, which gave 134 MB/s. {advice('D:')}"
    assert measure._drive_note(Path("/mnt/d"), 1300.0) == []
