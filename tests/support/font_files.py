"""Font files made for tests, and machines that have no other."""

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager

from gen_engine.system.fonts import BOXES, OWN


def font_of(path, characters, family="Tiny Han"):
    """A font file in which each of these characters is a box of its own, and a missing one is blank."""
    pen = TTGlyphPen(None)
    for corner, draw in zip(((0, 0), (0, 700), (700, 700), (700, 0)), [pen.moveTo] + 3 * [pen.lineTo], strict=True):
        draw(corner)
    pen.closePath()
    names = {ord(char): f"u{ord(char):X}" for char in sorted(set(characters))}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), **dict.fromkeys(names.values(), pen.glyph())})
    builder.setupHorizontalMetrics(dict.fromkeys([".notdef", *names.values()], (800, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": family, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def forget_fonts(monkeypatch, *installed):
    """matplotlib remembers only its own fonts; these files are installed since."""
    own = [each for each in font_manager.fontManager.ttflist if each.name.startswith((OWN, BOXES))]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in installed])
