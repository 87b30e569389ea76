"""What a couplet is, judged apart from the rule of couplets."""

import itertools
import re

from gen_poem.rules.parallel import LEVEL, OBLIQUE
from gen_poem.verse.books import book

OTHER = {LEVEL: OBLIQUE, OBLIQUE: LEVEL}


def matches(first, second):
    """No shared character, and repetitions that correspond."""
    pairs = itertools.combinations(range(len(first)), 2)
    return not set(first) & set(second) and all((first[i] == first[j]) == (second[i] == second[j]) for i, j in pairs)


def opposes(parts, answers, read):
    """Opposed where one tone is known: at the even places and the ends of all parts; the lines end 仄 and 平."""
    for part, answer in zip(parts, answers, strict=True):
        for i, (above, below) in enumerate(zip(part, answer, strict=True), 1):
            tones = read(above)
            if (i % 2 == 0 or i == len(part)) and len(tones) == 1 and OTHER[tones] not in read(below):
                return False
    return OBLIQUE in read(parts[-1][-1]) and LEVEL in read(answers[-1][-1])


def is_couplet(text, sizes, read):
    """Whether the text is 上联，下联。 of parts of these sizes; `read` tells tones, None does not judge them."""
    parts = re.split("，", text.removesuffix("。"))
    if not text.endswith("。") or [len(part) for part in parts] != sizes * 2 or "。" in text[:-1]:
        return False
    first, second = parts[: len(sizes)], parts[len(sizes) :]
    return matches("".join(first), "".join(second)) and (read is None or opposes(first, second, read))


def pingshui(char):
    """The tones of a character."""
    return "".join({reading.tone for reading in book("pingshui").readings(char)})
