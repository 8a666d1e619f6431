"""The field's other programs, each in an environment of its own: what peers.py runs beside trailcam.

Each gets the same file of ultralytics' weights, the same photos, 640 px and 0.05 as the least confidence, on
the processor. Its last line is ``{"photos": ..., "boxes": ...}``: a program that passed over photos has no
figure. An environment sees the packages of the one that runs the benchmark (torch, ultralytics, OpenCV), so
that all programs compute with the same builds, and has its own packages before them.
"""

from __future__ import annotations

import os
import site
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

MEGADETECTOR = """
import json, sys
from megadetector.detection import run_detector_batch
weights, photos, work = sys.argv[1:]
options = ["model_type=ultralytics", "force_cpu=true", "use_model_native_classes=true"]
sys.argv = ["run_detector_batch", weights, photos, work + "/out.json", "--recursive", "--image_size", "640"]
sys.argv += ["--threshold", "0.05", "--class_mapping_filename", work + "/names.yaml"]
sys.argv += ["--detector_options", *options]
run_detector_batch.main()
images = json.load(open(work + "/out.json"))["images"]
done = [image for image in images if image.get("detections") is not None]
print(json.dumps({"photos": len(done), "boxes": sum(len(image["detections"]) for image in done)}))
"""

SPARROW = """
import json, sys
import sparrow_engine
weights, photos, work = sys.argv[1:]
sparrow_engine.init("cpu", work + "/models")
found = sparrow_engine.detect(photos, model="same", recursive=True)
print(json.dumps({"photos": len(found), "boxes": sum(len(result.detections) for result in found)}))
"""

ANIML = """
import json, sys
from pathlib import Path
from animl import detect, load_detector
weights, photos, work = sys.argv[1:]
files = sorted(str(path) for path in Path(photos).rglob("*.JPG"))
how = {"batch_size": 8, "confidence_threshold": 0.05}
found = detect(load_detector(weights, "yolo", "cpu"), files, 640, 640, **how)
print(json.dumps({"photos": len(found), "boxes": sum(len(row["detections"]) for row in found)}))
"""

# It knows three classes and always looks at 1280 px; the subclass takes the weights' classes and 640 px.
WILDLIFE = """
import json, sys
from pathlib import Path
from PytorchWildlife.models.detection import MegaDetectorV6
weights, photos, work = sys.argv[1:]
class Same(MegaDetectorV6):
    CLASS_NAMES = dict(enumerate(Path(work, "names.txt").read_text().split("\\n")))
    IMAGE_SIZE = property(lambda self: 640, lambda self, px: None)
model = Same(weights=weights, device="cpu", version="MDV6-yolov9-c")
found = model.batch_image_detection(photos, batch_size=8, det_conf_thres=0.05)
print(json.dumps({"photos": len(found), "boxes": sum(len(row["detections"]) for row in found)}))
"""

NAMES = """
import sys
from pathlib import Path
work = Path(sys.argv[2])
if work.joinpath("names.yaml").exists():
    sys.exit()
from ultralytics import YOLO
names = YOLO(sys.argv[1]).names.values()
work.joinpath("names.txt").write_text("\\n".join(names))
lines = [f"  {n}: {name}" for n, name in enumerate(names)]
work.joinpath("names.yaml").write_text("\\n".join(["names:", *lines]))
"""

# sparrow-engine takes models by their name in a folder of its own form.
EXPORT = """
import shutil, sys
from pathlib import Path
work = Path(sys.argv[2])
folder = work / "models" / "same"
if folder.exists():
    sys.exit()
from ultralytics import YOLO
folder.mkdir(parents=True)
model = YOLO(shutil.copy(sys.argv[1], work / "same.pt"))
shutil.move(model.export(format="onnx", imgsz=640, nms=True, simplify=False), folder / "model.onnx")
(folder / "labels.txt").write_text("\\n".join(model.names.values()))
(folder / "manifest.toml").write_text('''
[model]
id = "same"
format = "onnx"
file = "model.onnx"
[preprocessing]
method = "letterbox"
input_size = [640, 640]
layout = "nchw"
normalization = "unit"
pad_value = 0.447
[inference]
strategy = "single"
[postprocessing]
method = "yolo_e2e"
confidence_threshold = 0.05
[labels]
file = "labels.txt"
format = "one_per_line"
''')
"""


@dataclass(frozen=True)
class Peer:
    """A program: what pip installs of it, the script that looks at photos, and what comes before once."""

    needs: tuple[str, ...]
    script: str
    before: tuple[str, ...] = (NAMES,)


PEERS = {
    # Its dependency ultralytics-yolov5 can't be built without the internet; the utils alone hold all of this.
    "megadetector": Peer(("megadetector-utils==10.0.28", "seaborn", "gitpython"), MEGADETECTOR),
    "sparrow-engine": Peer(("sparrow-engine==0.1.30", "onnx==1.23.2"), SPARROW, (EXPORT,)),
    "animl": Peer(("animl==3.0.1",), ANIML, ()),
    "pytorch-wildlife": Peer(
        ("PytorchWildlife==1.3.0", "setuptools<81", "soundfile", "librosa"), WILDLIFE, (NAMES,)
    ),
}


def python_of(folder: Path, name: str) -> Path:
    """The Python of a program's environment in ``folder``; it need not be there."""
    place = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return folder.absolute() / name / place


def install(folder: Path) -> None:
    """Make the environments that ``folder`` lacks; a program that can't be installed is named."""
    for name, peer in PEERS.items():
        python = python_of(folder, name)
        if python.exists():
            continue
        venv.create(folder / name, with_pip=True)
        theirs = next((folder / name).rglob("site-packages"))
        (theirs / "zz_shared.pth").write_text("\n".join(site.getsitepackages()) + "\n")
        done = subprocess.run([python, "-m", "pip", "install", "-q", *peer.needs], check=False)
        if done.returncode:
            print(f"{name}: can't be installed ({' '.join(peer.needs)})", file=sys.stderr)
            python.unlink()


def commands_of(name: str, folder: Path, weights: Path, photos: Path, work: Path) -> list[list[str]]:
    """What prepares a program in ``work``, if nothing has; last the command that looks at ``photos``."""
    peer = PEERS[name]
    work.mkdir(parents=True, exist_ok=True)
    python = str(python_of(folder, name))
    before = [[python, "-c", script, str(weights), str(work)] for script in peer.before]
    return [*before, [python, "-c", peer.script, str(weights), str(photos), str(work)]]
