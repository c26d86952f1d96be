#!/usr/bin/env python3
"""Writes Sources/MinkeSearch/Words/WordUnicodeData.swift: what the cut of text into words knows of Unicode.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install unicodedata2 && /tmp/v/bin/python Tests/Fixtures/make_word_tables.py
"""
import pathlib
import textwrap

import unicodedata2 as unicode

# Marks that are left out: overlays and points of Hebrew and Arabic, and what stands above and below letters. Other marks
# are vowels and signs that words of their scripts are not the same without.
ACCENTS = {1, *range(10, 36), *range(200, 241)}
# Letters that do not decompose but are written without their strokes, too.
STROKES = {0xF8: "o", 0x111: "d", 0x142: "l", 0x127: "h", 0x131: "i", 0x167: "t", 0xE6: "ae", 0x153: "oe", 0xFE: "th",
           0xF0: "d", 0x14B: "n", 0x138: "k"}
SPACELESS = [(0x0E00, 0x0EFF), (0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0x1780, 0x17FF), (0x19E0, 0x19FF),
             (0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3021, 0x3029), (0x3031, 0x3035), (0x303B, 0x303C), (0x3040, 0x30FF),
             (0x3100, 0x312F), (0x31A0, 0x31BF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
             (0xFF66, 0xFF9F), (0x16FE0, 0x18CFF), (0x1AFF0, 0x1B2FF), (0x20000, 0x3FFFF)]
IGNORED = {0xAD, 0x34F, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)}
# Compatibility ideographs and radicals stay as they are: a long list for characters that nobody types.
UNFOLDED = [(0xF900, 0xFAFF), (0x2F800, 0x2FA1F), (0x2E80, 0x2FDF)]


def within(scalar, ranges):
    return any(first <= scalar <= last for first, last in ranges)


def is_accent(character):
    return unicode.category(character) == "Mn" and unicode.combining(character) in ACCENTS


def fold(scalar):
    text = chr(scalar)
    for _ in range(3):
        text = "".join(c for c in unicode.normalize("NFKD", text) if not is_accent(c))
        text = "".join(STROKES.get(ord(c), c) for c in text.casefold())
    return [ord(c) for c in unicode.normalize("NFC", text) if unicode.category(c)[0] in "LNM"]


letters, ignored, marks, folds = [], [], [], {}
for scalar in (*range(0x80, 0xD800), *range(0xE000, 0x110000)):
    character = chr(scalar)
    category = unicode.category(character)
    if scalar in IGNORED or is_accent(character):
        ignored.append(scalar)
    elif category[0] in "LNM":
        # The half-width voice marks of Kana are letters to Unicode, but go with the letter before.
        (marks if category[0] == "M" or scalar in (0xFF9E, 0xFF9F) else letters).append(scalar)
        if not within(scalar, UNFOLDED) and (folded := fold(scalar)) not in ([scalar], []):
            folds[scalar] = folded
    elif category == "So" and (plain := unicode.normalize("NFKD", character)) != character and len(plain) <= 2:
        # Symbols that stand for a letter or a digit, such as those in circles.
        if all(unicode.category(c)[0] == "L" or unicode.category(c) == "Nd" for c in plain):
            letters.append(scalar)
            folds[scalar] = fold(scalar)


def ranges(scalars):
    result = []
    for scalar in sorted(scalars):
        if result and result[-1][1] == scalar - 1:
            result[-1][1] = scalar
        else:
            result.append([scalar, scalar])
    return " ".join(f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in result)


def items():
    """The folds, and those of neighbors that become one and the same."""
    stepwise, to_one = [], []
    scalars = sorted(folds)
    index = 0
    while index < len(scalars):
        first = scalars[index]
        image = folds[first]
        best = (1, 1, 0, first)
        for step, image_step in ((1, 0), (1, 1), (2, 0), (2, 2)) if len(image) == 1 else ():
            last, count = first, 1
            while folds.get(last + step) == [image[0] + count * image_step] and (step == 1 or last + 1 not in folds):
                last, count = last + step, count + 1
            best = max(best, (count, step, image_step, last), key=lambda found: found[0])
        count, step, image_step, last = best
        if count > 1:
            (stepwise if image_step else to_one).append(f"{first:x}-{last:x}{'/2' if step == 2 else ''}={image[0]:x}")
        else:
            stepwise.append(f"{first:x}={'+'.join(f'{part:x}' for part in image)}")
        index += count
    return " ".join(stepwise), " ".join(to_one)


def literal(name, comment, text):
    lines = " \\\n".join("    " + line for line in textwrap.wrap(text, 112))
    comment = "\n".join("  /// " + line for line in textwrap.wrap(comment, 112))
    return f'{comment}\n  static let {name}: StaticString = """\n{lines}\n    """\n'


stepwise, to_one = items()
tables = [
    literal("letters", "Scalars of words: the general categories L and N, and symbols that stand for a letter or digit.",
            ranges(letters)),
    literal("marks", "Scalars that go on with a word: the general category M, without those that are left out.", ranges(marks)),
    literal("ignored", "Scalars that are left out of words: accents and points (Mn of the combining classes 1, 10 to 35 "
            "and 200 to 240), variation selectors, joiners and soft hyphens.", ranges(ignored)),
    literal("spaceless", "Letters and marks of the scripts that are written without spaces: Han, Hiragana, Katakana, "
            "Bopomofo, Thai, Lao, Khmer, Myanmar and their relatives.",
            ranges(scalar for scalar in letters + marks if within(scalar, SPACELESS))),
    literal("folds", "What a scalar becomes: compatibility decomposition without accents, case folded, composed again. "
            "After `=` the image of the first scalar of a range; `/2` takes every second scalar.", stepwise),
    literal("foldsToOne", "The same for scalars that lie together and become one and the same.", to_one),
]
output = pathlib.Path(__file__).resolve().parents[2] / "Sources/MinkeSearch/Words/WordUnicodeData.swift"
output.write_text(f"""\
/// What the cut of text into words knows of Unicode {unicode.unidata_version}, beyond ASCII; made by
/// Tests/Fixtures/make_word_tables.py.
///
/// The tables are written out, so that a word of an index is the same on every system and with every version of the
/// Swift library. Numbers are hexadecimal scalar values, `a-b` a range with both ends.
enum WordUnicodeData {{
""" + "\n".join(tables) + "}\n")
