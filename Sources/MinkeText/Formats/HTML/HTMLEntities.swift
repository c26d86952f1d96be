/// The character references of HTML: those by number, and the names of HTML 4 and a few more.
enum HTMLEntities {
  /// The character that a reference at `start`, an ampersand, stands for, and the bytes of the reference; nil where
  /// there is none.
  static func reference(
    in text: UnsafeBufferPointer<UInt8>, at start: Int, _ end: Int
  ) -> (scalar: Unicode.Scalar, length: Int)? {
    if text.at(start + 1) == UInt8(ascii: "#") { return number(in: text, at: start, end) }
    var position = start + 1
    while position < end, position - start <= longestName, text[position].isAlphanumeric { position += 1 }
    let name = String(decoding: text[start + 1..<position], as: UTF8.self)
    let isClosed = position < end && text[position] == UInt8(ascii: ";")
    // The oldest names are also known without the semicolon.
    guard let scalar = isClosed ? names[name] : oldNames[name] else { return nil }
    return (scalar, position - start + (isClosed ? 1 : 0))
  }

  private static func number(
    in text: UnsafeBufferPointer<UInt8>, at start: Int, _ end: Int
  ) -> (scalar: Unicode.Scalar, length: Int)? {
    let isHexadecimal = text.at(start + 2) | 0x20 == UInt8(ascii: "x")
    let first = start + (isHexadecimal ? 3 : 2)
    var position = first
    var value: UInt32 = 0
    while position < end, position - first < 8,
      let digit = Character(Unicode.Scalar(text[position])).hexDigitValue, isHexadecimal || digit < 10
    {
      value = value * (isHexadecimal ? 16 : 10) + UInt32(digit)
      position += 1
    }
    guard position > first else { return nil }
    if position < end, text[position] == UInt8(ascii: ";") { position += 1 }
    // Numbers from 128 to 159 are meant as characters of Windows-1252.
    let scalar = (0x80..<0xa0).contains(value) ? TextEncoding.windows1252Scalar(UInt8(value)) : Unicode.Scalar(value)
    return (scalar.flatMap { $0.value == 0 ? nil : $0 } ?? "\u{fffd}", position - start)
  }

  private static let longestName = 8

  /// The names of U+00A0 to U+00FF, in order.
  private static let latin1 = """
    nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro \
    para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil \
    Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave \
    Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml \
    igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute \
    thorn yuml
    """
  /// The names of the Greek letters from U+0391 and U+03B1 on; a dash where there is none.
  private static let greek = """
    Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho - Sigma Tau Upsilon Phi Chi \
    Psi Omega - - - - - - - alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho \
    sigmaf sigma tau upsilon phi chi psi omega
    """

  private static let oldNames: [String: Unicode.Scalar] = {
    var names: [String: Unicode.Scalar] = [
      "amp": "&", "lt": "<", "gt": ">", "quot": "\"", "AMP": "&", "LT": "<", "GT": ">", "QUOT": "\"", "COPY": "©",
      "REG": "®",
    ]
    for (offset, name) in latin1.split(separator: " ").enumerated() {
      names[String(name)] = Unicode.Scalar(0xa0 + UInt32(offset))
    }
    return names
  }()

  private static let names: [String: Unicode.Scalar] = {
    var names = oldNames
    for (offset, name) in greek.split(separator: " ").enumerated() where name != "-" {
      names[String(name)] = Unicode.Scalar(0x391 + UInt32(offset))
    }
    return names.merging([
      "apos": "'", "hellip": "…", "bull": "•", "prime": "′", "Prime": "″", "oline": "‾", "frasl": "⁄", "weierp": "℘",
      "image": "ℑ", "real": "ℜ", "trade": "™", "alefsym": "ℵ", "larr": "←", "uarr": "↑", "rarr": "→", "darr": "↓",
      "harr": "↔", "crarr": "↵", "lArr": "⇐", "uArr": "⇑", "rArr": "⇒", "dArr": "⇓", "hArr": "⇔", "forall": "∀",
      "part": "∂", "exist": "∃", "empty": "∅", "nabla": "∇", "isin": "∈", "notin": "∉", "ni": "∋", "prod": "∏",
      "sum": "∑", "minus": "−", "lowast": "∗", "radic": "√", "prop": "∝", "infin": "∞", "ang": "∠", "and": "∧",
      "or": "∨", "cap": "∩", "cup": "∪", "int": "∫", "there4": "∴", "sim": "∼", "cong": "≅", "asymp": "≈", "ne": "≠",
      "equiv": "≡", "le": "≤", "ge": "≥", "sub": "⊂", "sup": "⊃", "nsub": "⊄", "sube": "⊆", "supe": "⊇", "oplus": "⊕",
      "otimes": "⊗", "perp": "⊥", "sdot": "⋅", "lceil": "⌈", "rceil": "⌉", "lfloor": "⌊", "rfloor": "⌋", "lang": "⟨",
      "rang": "⟩", "loz": "◊", "spades": "♠", "clubs": "♣", "hearts": "♥", "diams": "♦", "OElig": "Œ", "oelig": "œ",
      "Scaron": "Š", "scaron": "š", "Yuml": "Ÿ", "fnof": "ƒ", "circ": "ˆ", "tilde": "˜", "ensp": "\u{2002}",
      "emsp": "\u{2003}", "thinsp": "\u{2009}", "zwnj": "\u{200c}", "zwj": "\u{200d}", "lrm": "\u{200e}",
      "rlm": "\u{200f}", "ndash": "–", "mdash": "—", "lsquo": "‘", "rsquo": "’", "sbquo": "‚", "ldquo": "“",
      "rdquo": "”", "bdquo": "„", "dagger": "†", "Dagger": "‡", "permil": "‰", "lsaquo": "‹", "rsaquo": "›",
      "euro": "€", "thetasym": "ϑ", "upsih": "ϒ", "piv": "ϖ", "num": "#", "lpar": "(", "rpar": ")", "lbrack": "[",
      "rbrack": "]", "lbrace": "{", "rbrace": "}", "colon": ":", "semi": ";", "comma": ",", "period": ".",
      "excl": "!", "quest": "?", "sol": "/", "bsol": "\\", "lowbar": "_", "hyphen": "‐", "dash": "‐", "equals": "=",
      "plus": "+", "ast": "*", "commat": "@", "percnt": "%", "dollar": "$", "verbar": "|", "vert": "|", "grave": "`",
      "Tab": "\t", "NewLine": "\n", "check": "✓", "star": "☆", "starf": "★",
    ]) { $1 }
  }()
}

extension UInt8 {
  var isAlphanumeric: Bool {
    (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z")
      || self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9")
  }
}
