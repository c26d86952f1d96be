import Foundation

/// An element of an SVG picture: what it is made of is closed and escaped whatever it holds.
struct SVGElement {
  let name: String
  let attributes: [(name: String, value: String)]
  var content: [SVGElement]
  let text: String

  init(
    _ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String = "", _ content: [SVGElement] = []
  ) {
    self.name = name
    self.attributes = attributes.map { (name: $0.key, value: $0.value) }
    (self.text, self.content) = (text, content)
  }

  /// The element as XML.
  var xml: String {
    var xml = ""
    write(to: &xml)
    return xml
  }

  private func write(to xml: inout String) {
    xml += "<\(name)"
    for attribute in attributes where !attribute.value.isEmpty {
      xml += " \(attribute.name)=\"\(Self.escaped(attribute.value))\""
    }
    if content.isEmpty, text.isEmpty {
      xml += "/>\n"
      return
    }
    xml += ">" + Self.escaped(text)
    if !content.isEmpty { xml += "\n" }
    for element in content { element.write(to: &xml) }
    xml += "</\(name)>\n"
  }

  /// `text` with what XML reads as markup written as references, and what it does not allow as U+FFFD.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&#39;"
      case "\t", "\n": escaped.unicodeScalars.append(scalar)
      case _ where scalar.value < 0x20 || (0x7f..<0xa0).contains(scalar.value) || scalar.value & 0xfffe == 0xfffe:
        escaped += "\u{FFFD}"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// A coordinate, to a tenth of a pixel.
  static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  static func line(_ from: (x: Double, y: Double), _ to: (x: Double, y: Double), _ style: String) -> SVGElement {
    SVGElement(
      "line", ["x1": number(from.x), "y1": number(from.y), "x2": number(to.x), "y2": number(to.y), "class": style])
  }

  /// A line of text whose anchor (`start`, `middle`, `end`) stands at a point.
  static func text(_ text: String, _ x: Double, _ y: Double, anchor: String = "start", style: String = "") -> SVGElement
  {
    SVGElement("text", ["x": number(x), "y": number(y), "text-anchor": anchor, "class": style], text: text)
  }

  /// What a viewer shows where the pointer rests.
  static func hint(_ text: String) -> SVGElement { SVGElement("title", text: text) }
}
