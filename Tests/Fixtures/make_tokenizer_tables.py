#!/usr/bin/env python3
"""Writes what the tokenizers know of Unicode: Sources/MinkeText/Normalization/*Data.swift and
Sources/MinkeText/PreTokenization/CharacterClassData.swift.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install tokenizers==0.23.3
    /tmp/v/bin/python Tests/Fixtures/make_tokenizer_tables.py

Everything is asked of Hugging Face `tokenizers` itself, scalar by scalar: its parts follow different versions of Unicode.
"""
import base64
import json
import pathlib
import struct
import textwrap
import unicodedata

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

ROOT = pathlib.Path(__file__).resolve().parents[2] / "Sources/MinkeText"
SCALARS = [c for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]
HANGUL = range(0xAC00, 0xD7A4)


def ranges(scalars):
    result = []
    for scalar in sorted(scalars):
        if result and result[-1][1] == scalar - 1:
            result[-1][1] = scalar
        else:
            result.append([scalar, scalar])
    return result


def items(scalars):
    return [f"{a:x}" if a == b else f"{a:x}-{b:x}" for a, b in ranges(scalars)]


def stepped(scalars):
    """Like items, with every second scalar of a range as `a-b/2`."""
    left, result = sorted(scalars), []
    index = 0
    while index < len(left):
        best = (1, 1)
        for step in (1, 2):
            count = 1
            while index + count < len(left) and left[index + count] == left[index] + step * count:
                count += 1
            if count > best[0] and (step == 1 or count > 2):
                best = (count, step)
        count, step = best
        a, b = left[index], left[index + count - 1]
        result.append(f"{a:x}" if count == 1 else f"{a:x}-{b:x}" + ("" if step == 1 else "/2"))
        index += count
    return result


def images(mapping):
    """Items `a=b+c`, and `a-b=c` where neighbors become neighbors."""
    result, scalars, index = [], sorted(mapping), 0
    while index < len(scalars):
        first = scalars[index]
        image = mapping[first]
        count = 1
        while (len(image) == 1 and index + count < len(scalars) and scalars[index + count] == first + count
               and mapping[first + count] == [image[0] + count]):
            count += 1
        last = "" if count == 1 else f"-{first + count - 1:x}"
        result.append(f"{first:x}{last}=" + "+".join(f"{c:x}" for c in image))
        index += count
    return result


def write(path, name, doc, tables):
    lines = [f"/// {line}" for line in textwrap.wrap(doc, 112)]
    lines += ["///", "/// Made by Tests/Fixtures/make_tokenizer_tables.py. Numbers are hexadecimal scalar values, `a-b` a range with",
              "/// both ends, `/2` every second scalar of it.", f"{name} {{"]
    for index, (key, text, entries) in enumerate(tables):
        if index:
            lines.append("")
        lines += [f"  /// {line}" for line in textwrap.wrap(text, 110)]
        lines.append(f'  static let {key}: StaticString = """')
        wrapped = textwrap.wrap(" ".join(entries), 113, break_long_words=False, break_on_hyphens=False)
        lines += ["    " + line + (" \\" if at + 1 < len(wrapped) else "") for at, line in enumerate(wrapped)]
        lines.append('    """')
    lines.append("}")
    (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
    (ROOT / path).write_text("\n".join(lines) + "\n")
    print(path, len(lines), "lines")


# Normalization.
def changed(normalizer):
    result = {}
    for c in SCALARS:
        image = normalizer.normalize_str(chr(c))
        if image != chr(c):
            result[c] = [ord(x) for x in image]
    return result


def normalization():
    nfd, nfkd = changed(normalizers.NFD()), changed(normalizers.NFKD())
    nfc = changed(normalizers.NFC())
    composing, excluded = {}, {}
    for c, image in nfd.items():
        if c in HANGUL:
            continue
        if c in nfc:
            excluded[c] = image
        else:
            # One step: what all but the last scalar compose to, and the last.
            first = normalizers.NFC().normalize_str("".join(map(chr, image[:-1])))
            assert len(first) == 1 and normalizers.NFC().normalize_str(first + chr(image[-1])) == chr(c)
            composing[c] = [ord(first), image[-1]]
    compatible = {c: image for c, image in nfkd.items() if nfd.get(c, [c]) != image and c not in HANGUL}
    classes = {}
    order = normalizers.NFD()
    for c in SCALARS:
        combining = unicodedata.combining(chr(c))
        # Python may know more scalars than the reference, but never another class.
        if combining and c not in nfd:
            low, high = "\u0334", "\u0345"
            if (order.normalize_str("a" + chr(c) + low) == "a" + low + chr(c) and combining != 1) or (
                    order.normalize_str("a" + high + chr(c)) == "a" + chr(c) + high and combining != 240) or (
                    c in (0x334, 0x345)) or (combining == 1 and order.normalize_str(
                        "a" + high + chr(c)) == "a" + chr(c) + high):
                classes.setdefault(combining, []).append(c)
    class_items = [(a, f"{item}={k:x}") for k, members in classes.items()
                   for (a, _), item in zip(ranges(members), items(members))]
    write("Normalization/UnicodeNormalizationData.swift", "enum UnicodeNormalizationData",
          "The decompositions of Unicode 9.0 that the reference normalizes with, Hangul left out.",
          [("composing", "Scalars that NFC leaves whole: `a=b+c`, one step.", images(composing)),
           ("excluded", "Scalars that NFC takes apart or replaces: all of their canonical decomposition.", images(excluded)),
           ("combiningClasses", "Canonical combining classes other than 0: `a-b=class`.",
            [item for _, item in sorted(class_items)])])
    write("Normalization/UnicodeNormalizationData+Compatibility.swift", "extension UnicodeNormalizationData",
          "The decompositions of compatibility characters in Unicode 9.0.",
          [("compatibility", "All of the decomposition that NFKD makes, where it is not that of NFD.", images(compatible))])


# Graphemes. A charsmap that makes one X of everything tells them: of a grapheme of less than 6 bytes it makes one X, of a
# longer one an X for each scalar.
def counting():
    units = [0] * 1024
    units[0] = 256 << 10
    for byte in range(1, 256):
        units[256 ^ byte] = 512 << 10 | 1 << 8 | byte
        units[256 ^ byte ^ 512] = 1 << 31
    charsmap = struct.pack("<I", 4 * len(units)) + struct.pack(f"<{len(units)}I", *units) + b"X\0"
    file = json.loads(Tokenizer(models.BPE()).to_str())
    file["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}
    normalize = Tokenizer.from_str(json.dumps(file)).normalizer.normalize_str
    return lambda text: len(normalize(text))


def graphemes():
    count = counting()
    following = {c for c in SCALARS if count("a" + chr(c)) == 1}
    prepended = {c for c in SCALARS if c > 0x7F and count(chr(c) + "a") == 1}
    control = {c for c in SCALARS if c > 0x7F and c not in following and c not in prepended
               and count(chr(c) + "\u0300\u0301") == 2 and (
                   len(chr(c).encode()) == 4 or count("\u0600" + chr(c)) == 2)}
    extending = {c for c in following if count("\u00a9" + chr(c) + "\u200d\u00a9\u0300") == 5} - {0x200D}
    pictographs = {c for c in SCALARS if c > 0x7F and c not in following and count("\u00a9\u200d" + chr(c)) == 3}
    linkers = {c for c in following - {0x200D} if count("\u0915" + chr(c) + "\u0915\u0300") == 4}
    consonants = {c for c in SCALARS if c > 0x7FF and c not in following
                  and count(chr(c) + "\u094d\u0915\u0300") == 4}
    between = {c for c in following if c not in linkers and count("\u0915" + chr(c) + "\u094d\u0915\u0300") == 5}
    write("Normalization/GraphemeData.swift", "enum GraphemeData",
          "What the cut into extended grapheme clusters knows of Unicode 16, beyond ASCII, Hangul and flags.",
          [("control", "Scalars that stand alone.", items(control)),
           ("extending", "Extend.", items(extending)),
           ("spacing", "SpacingMark.", items(following - extending - {0x200D})),
           ("prepended", "Prepend.", items(prepended)),
           ("pictographs", "Extended_Pictographic.", items(pictographs)),
           ("consonants", "Indic_Conjunct_Break=Consonant.", items(consonants)),
           ("linkers", "Indic_Conjunct_Break=Linker.", items(linkers)),
           ("betweenConsonants", "Indic_Conjunct_Break=Extend.", items(between))])


# Classes of characters.
def matching(pattern):
    text = "".join(map(chr, SCALARS))
    kept = set()
    for _, (start, end) in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text):
        kept.update(SCALARS[start:end])
    return set(SCALARS) - kept


def single(pre_tokenizer):
    """Scalars that are cut from the letters around them."""
    return {c for c in SCALARS if len(pre_tokenizer.pre_tokenize_str("é" + chr(c) + "é")) == 3}


def classes():
    upper, lower = matching(r"[\p{Lu}\p{Lt}]"), matching(r"\p{Ll}")
    letters, marks, numbers = matching(r"\p{L}"), matching(r"\p{M}"), matching(r"\p{N}")
    assert upper | lower <= letters
    digits = single(pre_tokenizers.Digits(individual_digits=False))
    # A word character is not cut from letters, white space is no piece.
    cut = single(pre_tokenizers.Whitespace())
    space = matching(r"\s")
    word = set(SCALARS) - cut - space
    accents = {c for c in SCALARS if normalizers.StripAccents().normalize_str(chr(c)) == ""}
    assert space == {c for c in SCALARS if normalizers.Strip().normalize_str(chr(c)) == ""}
    assert numbers <= digits and letters | marks <= word
    write("PreTokenization/CharacterClassData.swift", "enum CharacterClassData",
          "The classes of characters that patterns and pre-tokenizers speak of: Unicode 16 where nothing else is said.",
          [("letters", r"`\p{L}`.", stepped(letters)), ("marks", r"`\p{M}`.", stepped(marks)),
           ("numbers", r"`\p{N}`.", items(numbers)),
           ("furtherDigits", "What the pre-tokenizer Digits takes beyond them.", items(digits - numbers)),
           ("furtherWordCharacters", r"What `\w` of the pre-tokenizer Whitespace takes beyond letters and marks.",
            items(word - letters - marks)),
           ("accents", "What the normalizer StripAccents removes.", items(accents))])


normalization()
graphemes()
classes()
