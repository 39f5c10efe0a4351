"""Three sentences of texts.json through tiny-random-minilm: tokens, offsets (in code points), states, sentence vectors."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from support.expected import write  # noqa: E402
from support.pictures import ROOT  # noqa: E402
from support.sentences import embed  # noqa: E402

if __name__ == "__main__":
    write(__file__, lambda: embed(ROOT / "pipelines/models/tiny-random-minilm", state=True))
