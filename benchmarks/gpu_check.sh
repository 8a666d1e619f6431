#!/usr/bin/env bash
# trailcam on a GPU: is it right, and how fast is each stage? Under 8 minutes.
#
#   In a checkout, in an environment with trailcam:   bash benchmarks/gpu_check.sh
#   Without one, with the missing wheels in WHEELS:   WHEELS=FOLDER PYTHON=python3 bash benchmarks/gpu_check.sh
#   On a processor, to try the script itself:         bash benchmarks/gpu_check.sh --device cpu --scale 0.02
#
# Writes $OUT/gpu_check.json (renewed after each part, so that a cut leaves what was done) and $OUT/gpu_check.log.
# Works below $WORK; changes nothing in the checkout, and no setting of the GPU.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
PYTHON=${PYTHON:-.venv/bin/python}
export OUT=${OUT:-build/gpu_check} WORK=${WORK:-${TMPDIR:-/tmp}/trailcam-gpu-check}
mkdir -p "$OUT" "$WORK"
if [ -n "${WHEELS:-}" ] && [ ! -f "$WORK/site/.done" ]; then
    "$PYTHON" -m pip install -q --no-index --no-deps --upgrade --target "$WORK/site" "$WHEELS"/*.whl || exit 3
    touch "$WORK/site/.done"
fi
export PYTHONPATH="$WORK/site:$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
export YOLO_OFFLINE=true YOLO_AUTOINSTALL=false YOLO_VERBOSE=false YOLO_CONFIG_DIR="$WORK/yolo"
export XDG_CACHE_HOME="$WORK/cache" XDG_DATA_HOME="$WORK/data" XDG_CONFIG_HOME="$WORK/config"
mkdir -p "$YOLO_CONFIG_DIR"
set -o pipefail
"$PYTHON" -m benchmarks.gpu --out "$OUT" --work "$WORK" "$@" 2>&1 | tee "$OUT/gpu_check.log"
