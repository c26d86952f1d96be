/// The names around the parts of a document: headings above, types and functions about them.
struct ContextTree: Sendable {
  /// A place in the tree; 0 is the whole document, which has no name.
  typealias Place = Int32

  private struct Node: Sendable {
    let name: String
    let parent: Place
    let depth: Int
  }

  private var nodes = [Node(name: "", parent: 0, depth: 0)]

  /// Bytes of a name, at most: a heading may be a whole page by mistake.
  private static let longestName = 120

  var isEmpty: Bool { nodes.count == 1 }

  /// A new place below `parent`; `parent` itself where that has the same name, or there is none.
  mutating func place(_ name: String, below parent: Place) -> Place {
    var name = name.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    if name.utf8.count > Self.longestName { name = name.prefix(Self.longestName / 2) + "…" }
    let above = nodes[Int(parent)]
    if name.isEmpty || (parent != 0 && above.name == name) { return parent }
    nodes.append(Node(name: name, parent: parent, depth: above.depth + 1))
    return Place(nodes.count - 1)
  }

  /// The innermost place that holds both.
  func common(_ first: Place, _ second: Place) -> Place {
    var (first, second) = (first, second)
    while first != second {
      if nodes[Int(first)].depth >= nodes[Int(second)].depth {
        first = nodes[Int(first)].parent
      } else {
        second = nodes[Int(second)].parent
      }
    }
    return first
  }

  /// The names from the outermost to that of `place`; nil for the whole document.
  func path(to place: Place) -> String? {
    var names: [String] = []
    var place = place
    while place != 0 {
      names.append(nodes[Int(place)].name)
      place = nodes[Int(place)].parent
    }
    return names.isEmpty ? nil : names.reversed().joined(separator: " > ")
  }
}
