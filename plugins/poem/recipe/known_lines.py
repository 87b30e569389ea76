"""Write known_lines.bloom into a model folder: `python known_lines.py MODEL_FOLDER TRAINED_ON ...`.

TRAINED_ON are the files of texts that the model was trained on: a text a line, or JSON lines with a field `text`; .xz
and .gz are unpacked. What lines are, and what the file holds, is said in `gen_poem/writing/known_lines.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gen_poem.verse.poem_files import read_texts
from gen_poem.writing.known_lines import known_lines, lines_of, write_known_lines


def main() -> None:
    """Write the file, and say what is in it."""
    folder, *files = map(Path, sys.argv[1:])
    known = known_lines(line for file in files for text in read_texts(str(file)) for line in lines_of(text))
    place = write_known_lines(folder, known)
    share = f"{known.false_positives:.2%} of other lines are taken for one of them"
    print(f"{place}: {known.lines:,} lines in {place.stat().st_size:,} bytes; {share}")


if __name__ == "__main__":
    main()
