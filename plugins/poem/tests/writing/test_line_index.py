"""The file of real lines: what is written comes back, and what is damaged is refused in one sentence."""

import json
import lzma
import re
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gen_engine.errors import GenError
from gen_poem.writing import line_index
from gen_poem.writing.line_index import FORMAT, Poem, pack, read_line_index, write_line_index

WORDS = st.text("天地玄黄𠀀", min_size=1, max_size=7)
POEMS = st.builds(
    Poem, st.lists(WORDS, max_size=4).map(tuple), st.text("春夏", max_size=3), st.sampled_from("李杜"), st.just("唐")
)
HERON = Poem(("白日依山尽", "黄河入海流"), "登鹳雀楼", "王之涣", "唐")
NIGHT = Poem(("床前看月光", "疑是地上霜"), "静夜思", "李白", "唐")


@settings(deadline=None)  # it writes files
@given(st.lists(POEMS, max_size=8))
def test_every_line_comes_back_once_with_its_first_poem(tmp_path_factory, poems):
    path = tmp_path_factory.mktemp("index") / "lines.bin"
    write_line_index(path, poems)
    index = read_line_index(path)
    wanted = {}
    for poem in poems:
        for line in poem.lines:
            wanted.setdefault(line, (poem.title, poem.author, poem.dynasty))
    assert [(index.line(i), index.source(i)) for i in range(len(index))] == list(wanted.items())


@settings(deadline=None)  # it writes files
@given(st.lists(POEMS, min_size=1, max_size=8))
def test_lines_with_a_character_are_all_that_have_it(tmp_path_factory, poems):
    path = tmp_path_factory.mktemp("index") / "lines.bin"
    write_line_index(path, poems)
    index = read_line_index(path)
    for char, code in zip("天地玄黄𠀀", index.encode("天地玄黄𠀀").tolist(), strict=True):
        wanted = [number for number in range(len(index)) for _ in range(index.line(number).count(char))]
        assert index.lines_with(code).tolist() == wanted


def test_the_same_poems_make_the_same_bytes():
    assert pack([HERON, NIGHT]) == pack([HERON, NIGHT])


def written(verse=None, names=None, titles=None, **changed):
    head, _, content = pack([HERON, NIGHT]).partition(b"\n")
    told = json.loads(head)
    sizes = told["sizes"]
    ends = [0, *accumulate([sizes["names"], sizes["shapes"], sizes["titles"]])]
    parts = dict(zip(sizes, [*(content[a:b] for a, b in pairwise(ends)), content[ends[-1] :]], strict=True))
    known = json.loads(lzma.decompress(parts["names"]))
    other = {"names": names and json.dumps({**known, **names}).encode(), "titles": titles, "verse": verse}
    parts |= {name: lzma.compress(part) for name, part in other.items() if part}
    sizes |= {name: [len(parts[name])] if name == "verse" else len(parts[name]) for name in other if other[name]}
    return json.dumps({**told, **changed}).encode() + b"\n" + b"".join(parts.values())


def without_the_end():
    """All parts but the footer of the last one, with sizes that fit."""
    head, _, content = written().partition(b"\n")
    sizes = json.loads(head)["sizes"]
    sizes["verse"][-1] -= 12
    return written(sizes=sizes)[:-12]


DAMAGED = {
    "cut": written()[:-1], "longer": written() + b"\0", "a bit": written()[:-1] + bytes([written()[-1] ^ 1]),
    "empty": b"", "no line": b"\xff" * 99, "no JSON": b"\xff\n", "a list": b"[]\n", "deep": b"[" * 900 + b"\n",
    "nothing said": b"{}\n", "another kind": written(format="known lines 1"), "a number": written(format=1),
    "no sizes": written(sizes={}), "sizes of nothing": written(sizes=None), "no end": without_the_end(),
    "fewer characters": written(verse=b"\1\0" * 19), "a line feed": written(verse=b"\0\0" * 20),
    "an unknown code": written(verse=b"\xff\x7f" * 20), "half a code": written(verse=b"\1\0" * 20 + b"\1"),
    "authors of more poems": written(names={"authors": [["李白", "唐", 3]]}),
    "fewer titles": written(titles=b"\1\0\0\0"), "no authors": written(names={"authors": []}),
    "authors of fewer poems": written(names={"authors": [["李白", "唐", -1], ["杜甫", "唐", 2]]}),
    "no characters": written(names={"characters": 5}),
    "text for a number": written(names={"authors": [["李", "唐", "2"]]}),
}  # fmt: skip


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_refused_with_the_remedy(kind, tmp_path):
    path = tmp_path / "lines.bin"
    path.write_bytes(DAMAGED[kind])
    words = f"{path} is damaged, or no file of real lines; fetch the plugin gen-engine-poem again"
    with pytest.raises(GenError, match=re.escape(words)):
        read_line_index(path)


def test_the_undamaged_one_is_read(tmp_path):
    (tmp_path / "lines.bin").write_bytes(written())
    assert len(read_line_index(tmp_path / "lines.bin")) == 4


def test_a_later_format_is_named(tmp_path):
    (tmp_path / "lines.bin").write_bytes(written(format="real lines 2"))
    with pytest.raises(GenError, match=f"of the format 'real lines 2', and '{FORMAT}' is read; fetch"):
        read_line_index(tmp_path / "lines.bin")


def test_what_is_no_file_or_too_large_is_refused_unread(tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "none.bin"):
        with pytest.raises(GenError, match=f"{re.escape(str(path))} cannot be read"):
            read_line_index(path)
    (tmp_path / "lines.bin").write_bytes(written())
    monkeypatch.setattr(line_index, "LARGEST", 100)
    with pytest.raises(GenError, match="over 100 bytes"):
        read_line_index(tmp_path / "lines.bin")


def test_a_part_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    (tmp_path / "lines.bin").write_bytes(written())
    monkeypatch.setattr(line_index, "UNPACKED", 10)
    with pytest.raises(GenError, match="is damaged"):
        read_line_index(tmp_path / "lines.bin")


def test_too_many_characters_for_their_codes_are_refused(monkeypatch):
    monkeypatch.setattr(line_index, "UNKNOWN", 5)
    with pytest.raises(ValueError, match="different characters"):
        pack([HERON])
