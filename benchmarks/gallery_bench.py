"""Measure the gallery: its size, the time to build it, to its first paint, and for a filter.

    python benchmarks/gallery_bench.py FOLDER [--photos N] [--pictures FOLDER]

FOLDER is made and filled: N photos of 1280x960 px in seven stations and two seasons, with one or two made-up
detections each. The pixels are those of the photos in --pictures, each time moved by another distance, so
that no two are the same; without it, the sample library's rendered scenes. The page opens in a headless
chromium (Debian: chromium, chromium-driver) that can reach no network. The same N gives the same library.
"""

from __future__ import annotations

import argparse
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import simplejpeg
from make_library import STATIONS, _times
from PIL import Image

from trailcam.domain import AgeClass, ClassInfo, Kind, Outcome, Status
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.gallery.make_gallery import build_gallery
from trailcam.pages.pictures import Cache
from trailcam.samples import build_library
from trailcam.selection import Selection
from trailcam.settings.config import Settings
from trailcam.store.database import Database
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run

CLASSES = (
    ClassInfo(0, "doe", Kind.DOE),
    ClassInfo(1, "young buck", Kind.BUCK, AgeClass.YOUNG),
    ClassInfo(2, "mature buck", Kind.BUCK, AgeClass.MATURE),
    ClassInfo(3, "coyote", Kind.ANIMAL),
)
SIZE = (1280, 960)
STEPS = 15
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND")
# When the first card's picture can be drawn.
_FIRST = """
const look = () => {
  const image = document.querySelector(".card img");
  if (image?.naturalWidth) window.firstPhoto = performance.now();
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
# From the change to the frame after the one that shows it.
_FILTER = """
const [slider, value, done] = [document.getElementById("confidence"), arguments[0], arguments[1]];
const begin = performance.now();
slider.value = value;
slider.dispatchEvent(new Event("input", { bubbles: true }));
requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begin)));
"""


def main() -> None:
    """Read the arguments, make what is missing, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--pictures", type=Path)
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    database = Database(folder / "bench.duckdb")
    if not (folder / "bench.duckdb").exists():
        write_photos(folder / "photos", arguments.photos, templates(arguments.pictures))
        subprocess.run(
            [
                sys.executable,
                "-m",
                "trailcam",
                "scan",
                "--db",
                str(database.path),
                str(folder / "photos"),
                "-q",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        look(database)
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {platform.machine()}")
    for split in (False, True):
        print(f"\n{'--split' if split else 'one file'}")
        measure(database, folder, split=split)


def templates(pictures: Path | None) -> list[npt.NDArray[np.uint8]]:
    """Photos of ``pictures`` or of the sample library, all at one size."""
    if pictures is None:
        with tempfile.TemporaryDirectory() as name:
            build_library(Path(name))
            return load(Path(name))
    return load(pictures)


def load(folder: Path) -> list[npt.NDArray[np.uint8]]:
    """Each readable JPEG below ``folder`` as an array (height, width, 3)."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")):
        try:
            with Image.open(path) as image:
                found.append(np.asarray(image.convert("RGB").resize(SIZE)))
        except OSError:
            continue
    return found


def write_photos(folder: Path, n_photos: int, pictures: Sequence[npt.NDArray[np.uint8]]) -> None:
    """The photos, named by their times, so that a scan knows these without EXIF."""
    chance = random.Random(1)
    for station, share, _ in STATIONS:
        (folder / station).mkdir(parents=True, exist_ok=True)
        for n, at in enumerate(_times(station, round(n_photos * share))):
            pixels = np.roll(chance.choice(pictures), (chance.randrange(200), chance.randrange(1280)), (0, 1))
            content = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=82)
            (folder / station / f"{at:%Y%m%d_%H%M%S}_{n:04}.jpg").write_bytes(content)


def look(database: Database) -> None:
    """Made-up detections: on every photo one or two."""
    chance = np.random.default_rng(1)
    with database.read() as db:
        ids = [int(i) for (i,) in db.execute("SELECT image_id FROM images ORDER BY path").fetchall()]
    outcomes = []
    for image_id in ids:
        n = int(chance.integers(1, 3))
        places = np.concatenate([chance.uniform(0, 0.6, (n, 2)), chance.uniform(0.1, 0.4, (n, 2))], axis=1)
        confidence = chance.uniform(0.25, 1, n).astype(np.float32)
        classes = chance.integers(0, len(CLASSES), n).astype(np.int16)
        outcomes.append(
            Outcome(
                image_id,
                Status.COMPLETED,
                boxes=places.astype(np.float32),
                confidence=confidence,
                class_id=classes,
            )
        )
    with database.write() as db:
        run = begin_run(db, RunFacts("bench", "0" * 64, "bench.pt", {}, {}, "cpu", CLASSES))
    RunSink(database, run).write(outcomes)
    with database.write() as db:
        end_run(db, run, completed=True, seconds={})


def measure(database: Database, folder: Path, *, split: bool) -> None:
    """Build twice, without and with a cache of pictures, then open the page."""
    settings = Settings()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for how in ("nothing cached", "all cached"):
            options = GalleryOptions(
                confidence=0.5,
                lowest=0.25,
                gap=settings.report.gap,
                seasons=settings.seasons,
                first_month=9,
                split=split,
                cache=Cache(Path(name)),
            )
            begin = time.perf_counter()
            page = folder / f"{'split' if split else 'one'}.html"
            report = build_gallery(database, Selection(), page, options, lambda *_: None)
            print(f"built, {how}: {time.perf_counter() - begin:.1f} s")
    print(f"{report.n_photos} photos in {report.n_visits} visits; page {page.stat().st_size / 1e6:.1f} MB,")
    print(f"all of it {report.size_bytes / 1e6:.1f} MB")
    show(page.resolve())


def show(page: Path) -> None:
    """First paint, all read, and the steps of the slider, in chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, "--window-size=1400,1000"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        print(f"chromium {driver.capabilities['browserVersion']}")
        paints, firsts, ready = [], [], []
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": _FIRST})
        for _ in range(3):
            driver.get("about:blank")
            driver.get(page.as_uri())
            time.sleep(1)
            paints.append(driver.execute_script("return performance.getEntriesByType('paint')[0].startTime"))
            firsts.append(driver.execute_script("return window.firstPhoto"))
            ready.append(
                driver.execute_script(
                    "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
                )
            )
        print(f"first paint {spread(paints)}, first photo {spread(firsts)}, DOMContentLoaded {spread(ready)}")
        steps = [
            driver.execute_async_script(_FILTER, f"{0.3 + 0.6 * ((7 * n) % STEPS) / STEPS:.2f}")
            for n in range(STEPS)
        ]
        print(f"one step of the slider, until drawn: {spread(steps)}")
    finally:
        driver.quit()


def spread(milliseconds: Sequence[float]) -> str:
    """Median, lowest and highest."""
    middle = statistics.median(milliseconds)
    return f"{middle:.0f} ms ({min(milliseconds):.0f} to {max(milliseconds):.0f})"


if __name__ == "__main__":
    main()
