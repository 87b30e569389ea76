import warnings
from pathlib import Path

import pytest
from font_files import font_of, forget_fonts
from matplotlib import font_manager

from gen_engine.errors import GenError
from gen_engine.system import fonts
from gen_engine.system.fonts import check_name, drawing_with, find_font


def test_a_new_font_is_found_unless_it_lacks_a_character(tmp_path, monkeypatch):
    (tmp_path / "none.ttf").write_bytes(b"no font")
    forget_fonts(monkeypatch, font_of(tmp_path / "han.ttf", "负正向评", "Some Han"), tmp_path / "none.ttf")
    assert find_font("负正 abc") == "Some Han"
    assert find_font("负价") is None
    assert find_font("abc é") == fonts.OWN


def test_a_font_gone_since_is_not_taken_for_there(tmp_path, monkeypatch):
    forget_fonts(monkeypatch, font_of(tmp_path / "han.ttf", "负正", "Some Han"))
    assert find_font("负正") == "Some Han"
    (tmp_path / "han.ttf").unlink()
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    assert find_font("负正") is None


def test_a_named_font_comes_first_and_then_a_liked_one(tmp_path, monkeypatch):
    files = [font_of(tmp_path / f"{name}.ttf", "负正", name) for name in ("Any Han", "SimHei", "Mine")]
    forget_fonts(monkeypatch, *files[:2])
    assert find_font("负正") == "SimHei"
    assert find_font("负正", files[2]) == "Mine"


def test_a_font_of_boxes_has_no_characters(monkeypatch):
    forget_fonts(monkeypatch)
    assert any(fonts.BOXES in each.name for each in font_manager.fontManager.ttflist)
    assert find_font("负正") is None


@pytest.mark.parametrize("name", ["p.doc", "p", "no/p.png"])
def test_a_name_that_no_picture_can_have_is_refused(tmp_path, name):
    with pytest.raises(GenError, match=r"\.png, \.pdf, \.svg|folder does not exist"):
        check_name(tmp_path / name)
    check_name(tmp_path / "P.SVG")


@pytest.mark.parametrize("kind", fonts.KINDS)
def test_what_is_drawn_with_a_font_warns_of_no_glyph(tmp_path, monkeypatch, kind):
    from matplotlib.figure import Figure

    forget_fonts(monkeypatch, font_of(tmp_path / "han.ttf", "负正", "Some Han"))
    picture = Path(tmp_path / f"p{kind}")
    with warnings.catch_warnings(), drawing_with(find_font("负正")):
        warnings.simplefilter("error")
        figure = Figure()
        figure.suptitle("负正 a")
        figure.savefig(picture)
    assert picture.stat().st_size > 500
    assert kind != ".svg" or ">负正 a</text>" in picture.read_text("utf-8")
