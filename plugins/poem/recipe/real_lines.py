"""Write the lines of real poems that `gen nearest` searches, out of the folder GEN_DATA: `python real_lines.py [FILE]`.

FILE is by default the one that the plugin ships. What it holds is told here and in the recipe's README; its bytes are
documented in `gen_poem/writing/line_index.py`.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from prepare import plain_title, read_rows

from gen_poem.verse.traditional import to_simplified
from gen_poem.writing.known_lines import lines_of
from gen_poem.writing.line_index import Poem, read_line_index, write_line_index
from gen_poem.writing.nearest import FILE

SHORTEST = 4
"""Characters of the shortest line that is kept: 大江东去."""

VERSE = re.compile("[，。？！；、：,.?!;:\u3400-\u9fff\U00020000-\U0003ffff]+")
"""What a text consists of if nothing is lost or noted in it."""

SIGNS = dict.fromkeys(map(ord, "　《》[]"))
"""Signs in the anthologies that are no part of a line."""

SONG_POETS = """
苏轼 陆游 王安石 杨万里 范成大 黄庭坚 朱熹 欧阳修 林逋 文天祥 李清照 岳飞 辛弃疾 秦观 晏殊 范仲淹
王禹偁 寇准 梅尧臣 苏舜钦 曾巩 苏洵 陈师道 陈与义 宗泽 陈亮 叶适 姜夔 戴复古 赵师秀 翁卷 徐照
徐玑 叶绍翁 林升 卢梅坡 朱淑真 严羽 谢枋得 汪元量 谢翱 林景熙 郑思肖 真山民 程颢 程颐 周敦颐 张载
晏几道 柳永 周邦彦 王令 张俞 释道潜 释志南 杜耒 雷震 潘阆 石延年 曾几 尤袤 萧德藻 王观
陆秀夫 蒋捷 张炎 史达祖 邵雍 司马光
""".split()
"""Poets of Song who stand in most anthologies, the best known first; our own choice."""

CI_WRITERS = """
苏轼 辛弃疾 李清照 柳永 晏殊 晏几道 欧阳修 秦观 周邦彦 姜夔 陆游 岳飞 范仲淹 王安石 张先 宋祁
贺铸 黄庭坚 朱敦儒 张元干 张孝祥 陈亮 刘过 刘克庄 史达祖 吴文英 蒋捷 周密 王沂孙 张炎 文天祥 朱淑真
李之仪 林逋 晁补之 叶梦得 陈与义 唐婉 严蕊 岳珂
""".split()
"""Writers of ci, likewise."""


def poem(text: str, title: str, author: str, dynasty: str) -> Poem:
    """A poem in simplified characters, as `gen nearest` reads what it is given; no line for a text with gaps."""
    lines = lines_of(text) if VERSE.fullmatch(text) else []
    kept = tuple(to_simplified(line) for line in lines if len(line) >= SHORTEST)
    return Poem(kept, plain_title(to_simplified(title)) or "无题", to_simplified(author), dynasty)


def famous() -> list[Poem]:
    """The poems of the anthologies; their modern prologues and tags are left out."""
    rows = read_rows("tang_anthologies")
    return [poem("".join(row["lines"]).translate(SIGNS), row["title"], row["author"], "唐") for row in rows]


def by_author(poems: Iterable[Poem], first: Iterable[str]) -> Iterator[Poem]:
    """The poems author by author: those named, and then the others, the most prolific first."""
    own: dict[str, list[Poem]] = {}
    for each in poems:
        own.setdefault(each.author, []).append(each)
    named = [name for name in dict.fromkeys(first) if name in own]
    others = sorted(own.keys() - set(named), key=lambda name: (-len(own[name]), name))
    for name in (*named, *others):
        yield from own[name]


def chosen() -> list[Poem]:
    """What is shipped, in the order of renown: famous Tang poems, ci and Song poems of the best known, all of Tang.

    Of Tang the authors come first that have most poems in the anthologies.
    """
    best = famous()
    ranked = [name for name, _ in Counter(each.author for each in best).most_common()]
    tang, song = [], []
    for row in read_rows("poems"):
        if row["dynasty"] == "唐" or row["author"] in SONG_POETS:
            made = poem(row["text"], row["title"], row["author"], row["dynasty"])
            (tang if row["dynasty"] == "唐" else song).append(made)
    songs = [row for row in read_rows("ci") if row["author"] in CI_WRITERS]
    ci = [poem(row["text"], row["cipai"], row["author"], "宋") for row in songs]
    ordered = ((best, ranked), (tang, ranked), (ci, CI_WRITERS), (song, SONG_POETS))
    return [each for poems, names in ordered for each in by_author(poems, names)]


def is_held_out(each: Poem, poems: set[str], ci: set[str]) -> bool:
    """Whether a poem shares a line with the poems that are for evaluation alone, or half of its lines with such ci.

    Single lines of ci are left: ci quote old poems.
    """
    return not poems.isdisjoint(each.lines) or 2 * len(ci.intersection(each.lines)) >= len(each.lines)


def held_out(name: str) -> set[str]:
    """Every line of a file for evaluation."""
    return {to_simplified(line) for row in read_rows(f"eval/{name}") for line in lines_of(row["text"])}


def main() -> None:
    """Write the file, and say what is in it."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    poems = [each for each in chosen() if each.lines]
    taken = held_out("poems"), held_out("ci")
    clean = [each for each in poems if not is_held_out(each, *taken)]
    size = write_line_index(place, clean)
    index = read_line_index(place)
    print(f"{place.name}: {len(index):,} lines of {len(index.title_ends):,} poems in {size:,} bytes")
    print(f"{len(poems) - len(clean):,} poems were left out, since they share lines with those for evaluation")


if __name__ == "__main__":
    main()
