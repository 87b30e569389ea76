"""Cards: everything of a text stands on them, in its place, and their files are whole."""

import io
import sys
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise

import pytest
from font_files import font_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gen_engine.cli.cards import faces
from gen_engine.cli.cards.drawing import Cards
from gen_engine.cli.cards.layout import INK, MARGIN, MOST, Run, Words, card_of
from gen_engine.cli.cards.png import FINENESS, png_of
from gen_engine.cli.cards.setting import Setting
from gen_engine.cli.cards.squares import CLOSING, HANGING, OPENING, UPRIGHT, columns_of, squares_of
from gen_engine.cli.cards.svg import svg_of
from gen_engine.cli.options import Choice
from gen_engine.cli.output import Show, drawing
from gen_engine.errors import GenError
from gen_engine.types import Completion

CHINESE = st.text("春江花月夜白日依山尽，。？“”《》—", min_size=1, max_size=90)
TEXTS = st.lists(CHINESE, min_size=1, max_size=9)
SETTINGS = st.builds(Setting, st.text("秋夜", max_size=16), st.text("李白", max_size=6), st.text("诗笺", max_size=4))
ANY = st.text(max_size=80)


def glyphs(card):
    return [glyph for run in card.shapes if isinstance(run, Run) for glyph in run.glyphs]


def read(card):
    """The text of a card as it is read: column by column."""
    return "".join(glyph.char for glyph in glyphs(card) if glyph.fill == INK or glyph.hangs)


@given(TEXTS, st.builds(Setting, scrolls=st.just(False)))
def test_every_character_stands_on_the_card_in_its_order(lines, setting):
    wanted = "".join(UPRIGHT.get(char, char) for char in "".join(lines) if not char.isspace())
    assert read(card_of(["春江花月", *lines], setting)) == "春江花月" + wanted


@given(TEXTS, SETTINGS, st.booleans())
def test_nothing_stands_outside_the_frame_or_on_another(lines, setting, scrolls):
    card = card_of(["春江", *lines], Setting(setting.title, setting.byline, setting.seal, scrolls))
    solid = [glyph for glyph in glyphs(card) if not glyph.hangs]
    assert all(MARGIN - 8 <= g.x <= card.width - MARGIN + 8 and MARGIN <= g.y <= card.height - MARGIN for g in solid)
    for one, other in combinations(solid, 2):
        apart = max(abs(one.x - other.x), abs(one.y - other.y))
        assert apart >= (one.size + other.size) / 2 * 0.99


def test_columns_run_from_right_to_left_and_down():
    first, second = [run.glyphs for run in card_of(["白日依，", "山尽黄。"]).shapes if isinstance(run, Run)][:2]
    assert first[0].x > second[0].x
    assert [glyph.char for glyph in first] == ["白", "日", "依", "，"]
    assert all(above.y < below.y for above, below in pairwise(first[:3]))


def test_a_mark_hangs_at_the_lower_right_of_its_character():
    char, mark = glyphs(card_of(["白，"]))[:2]
    assert mark.hangs
    assert mark.x > char.x + char.size / 2
    assert char.y < mark.y < char.y + char.size / 2


PARTS = st.lists(st.sampled_from(["春", "江，", "《花》", "“月夜。”"]), min_size=1, max_size=40).map("".join)


@given(PARTS, st.integers(3, 9))
def test_no_column_begins_or_ends_with_the_wrong_bracket(text, depth):
    columns = list(columns_of(squares_of(text), depth))
    assert [each for column in columns for each in column] == squares_of(text)
    assert all(abs(len(column) - depth) <= 1 for column in columns[:-1])
    assert not any(column[0].char in CLOSING for column in columns)
    assert not any(column[-1].char in OPENING for column in columns)


def test_a_couplet_hangs_as_two_scrolls_without_marks():
    card = card_of(["春满神州，", "夜开宫殿。"], Setting(scrolls=True))
    assert read(card) == "春满神州夜开宫殿"
    right, left = glyphs(card)[0], glyphs(card)[4]
    assert right.x > left.x
    assert right.y == left.y


def test_other_languages_run_in_lines():
    card = card_of(["There once was a poet,", "", "long " * 40])
    assert glyphs(card) == []
    lines = [shape.text for shape in card.shapes if isinstance(shape, Words)]
    assert " ".join(lines).split() == "There once was a poet,".split() + ["long"] * 40
    assert max(map(len, lines)) <= 60


def test_a_text_longer_than_a_card_is_cut():
    card = card_of(["月" * (MOST + 1)])
    assert card.cut
    assert read(card) == "月" * MOST + UPRIGHT["…"]
    assert not card_of(["月" * MOST]).cut


@given(st.lists(ANY, min_size=1, max_size=4), st.builds(Setting, ANY, ANY, st.text(max_size=4)))
def test_an_svg_is_whole_whatever_it_holds(lines, setting):
    root = ET.fromstring(svg_of(card_of(lines, setting)))
    assert root.tag.endswith("svg")
    assert root.find("{*}title") is not None


def test_text_stays_text_in_an_svg():
    root = ET.fromstring(svg_of(card_of(["白日<依>，"])))
    assert "白日" in "".join(root.find("{*}text").itertext())
    assert root.find("{*}title").text == "白日<依>，"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Machines that have no fonts but these."""

    def install(**fonts):
        files = [str(font_of(tmp_path / f"{name}.ttf", chars, name)) for name, chars in fonts.items()]
        monkeypatch.setattr(faces, "_files", lambda: files)
        monkeypatch.delenv(faces.VARIABLE, raising=False)
        return faces.find_faces()

    return install


def test_a_liked_font_comes_first_and_others_fill_in(installed):
    found = installed(Any=faces.SAMPLE + "〓", SimSun=faces.SAMPLE, Rare="𠮷")
    assert [found.of(char).family for char in "春𠮷"] == ["SimSun", "Rare"]
    assert found.of("鬱") is None


def test_without_a_chinese_font_the_remedies_are_named(installed):
    with pytest.raises(GenError, match=r"fonts-noto-cjk.*GEN_FONT.*\.svg"):
        installed(Latin="abc")


def test_a_font_of_the_users_own_goes_before_all(installed, tmp_path, monkeypatch):
    installed(SimSun=faces.SAMPLE)
    monkeypatch.setenv(faces.VARIABLE, str(font_of(tmp_path / "own.ttf", "春", "Own")))
    found = faces.find_faces()
    assert [found.of(char).family for char in "春月"] == ["Own", "SimSun"]
    monkeypatch.setenv(faces.VARIABLE, __file__)
    with pytest.raises(GenError, match="no font that can be read"):
        faces.find_faces()


def test_a_png_has_its_size_and_tells_what_is_lacking(installed):
    card = card_of(["春江，", "鬱月。"])
    data, lacking = png_of(card, installed(SimSun=faces.SAMPLE + "。〓诗笺"))
    image = Image.open(io.BytesIO(data))
    assert image.size == (card.width * FINENESS, card.height * FINENESS)
    assert lacking == "鬱"


def test_a_hanging_mark_has_its_ink_where_it_belongs(installed):
    found = installed(SimSun=faces.SAMPLE)
    drawn = Image.open(io.BytesIO(png_of(card_of(["春，"]), found)[0])).convert("L")
    mark = next(glyph for glyph in glyphs(card_of(["春，"])) if glyph.hangs)
    at = (mark.x * FINENESS, mark.y * FINENESS)
    assert drawn.getpixel(at) < 160 < drawn.getpixel((at[0] + mark.size * FINENESS, at[1]))


@pytest.mark.parametrize("name", ["card.jpg", "card", "no/card.svg", ".svg"])
def test_a_card_that_cannot_be_is_refused_at_once(name, tmp_path):
    with pytest.raises(GenError, match=r"end its name in \.png or \.svg|cannot be written"):
        Cards(tmp_path / name).check()
    assert list(tmp_path.iterdir()) == []


def test_without_pillow_the_command_that_brings_it_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(GenError, match=r"pip install 'gen-engine\[card\]'"):
        Cards(tmp_path / "card.png").check()
    Cards(tmp_path / "card.svg").check()


def chosen(card, num=1):
    return Choice("m", (), num, None, "sample", "auto", False, None, False, card=card)


def texts(*lines):
    return ((Completion(line, line, (), 0.0, (), "end", 0, number, "m", "f"), {}) for number, line in enumerate(lines))


def test_several_cards_are_numbered_and_drawn_after_texts(tmp_path):
    steps = drawing(texts("春江", "花月"), Show(), chosen(tmp_path / "card.svg", 2))
    next(steps)
    assert list(tmp_path.iterdir()) == []
    next(steps)
    assert [path.name for path in tmp_path.iterdir()] == ["card-1.svg"]
    assert list(steps) == []
    assert "花月" in (tmp_path / "card-2.svg").read_text("utf-8")


def test_a_text_has_the_same_card_alone_and_among_others(tmp_path):
    list(drawing(texts("春江"), Show(), chosen(tmp_path / "one.svg")))
    list(drawing(texts("春江", "花月"), Show(), chosen(tmp_path / "two.svg", 2)))
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two-1.svg").read_bytes()


def test_no_mark_is_alone_in_a_square_behind_a_character():
    assert all(not set(square.char) & HANGING for square in squares_of("白日，依山？！尽。"))
    assert [square.marks for square in squares_of("白？！日")] == ["？！", ""]
