"""The same sentences through the trained all-MiniLM-L6-v2, which `python bench/fetch.py minilm` puts in place."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import write  # noqa: E402
from support.pictures import ROOT  # noqa: E402
from support.sentences import embed  # noqa: E402

if __name__ == "__main__":
    write(__file__, lambda: embed(ROOT / "bench/.models/minilm", state=False))
