"""Blend the weights of two stages: `python blend.py FIRST SECOND SHARE OUT`.

OUT is the folder SECOND with SHARE of its weights and the rest of those of FIRST.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

WEIGHTS, CARD = "model.safetensors", "README.md"


def main() -> None:
    """Write the folder named last on the command line."""
    first, second, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
    share = float(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    for file in second.glob("*.*"):
        shutil.copy(file, out)
    old, new = load_file(first / WEIGHTS), load_file(second / WEIGHTS)
    blended = {name: old[name].float().lerp(new[name].float(), share).to(new[name].dtype) for name in new}
    save_file(blended, out / WEIGHTS, metadata={"format": "pt"})
    told = f"- **Blend**: {share:g} of the weights of this training and {1 - share:g} of those that it began with."
    card = re.sub(r"- \*\*Best validation loss\*\*.*", told, (second / CARD).read_text(encoding="utf-8"))
    card = card.replace("\n---\n", "\nlicense: apache-2.0\nlanguage: zh\n---\n", 1)
    (out / CARD).write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
