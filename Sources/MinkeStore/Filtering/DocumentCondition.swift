import MinkeText

/// What a filter says of documents, for each kind of database to put into its own words.
///
/// What is not known of a document makes a comparison unknown; only what is known to be true holds.
package indirect enum DocumentCondition: Sendable, Equatable {
  /// Something that every document has a place for.
  package enum Column: Sendable {
    case name, title
    /// The last part of the name.
    case file
    /// In bytes.
    case size
    /// In seconds since 1970.
    case modified

    init?(typed name: String) {
      switch name.lowercased() {
      case "path", "document": self = .name
      case "file": self = .file
      case "title": self = .title
      case "size": self = .size
      case "modified": self = .modified
      default: return nil
      }
    }
  }

  package enum Operand: Sendable, Equatable {
    case column(Column)
    /// A value of the metadata, by the names of the objects that it lies in and its own.
    case metadata([String])
  }

  package enum Comparison: String, Sendable {
    case equal = "="
    case unequal = "!="
    case below = "<"
    case atMost = "<="
    case above = ">"
    case atLeast = ">="
  }

  package enum Value: Sendable, Equatable {
    case text(String)
    case integer(Int64)
    case number(Double)
  }

  case all([DocumentCondition])
  case any([DocumentCondition])
  /// True also where the condition is unknown.
  case not(DocumentCondition)
  case isNull(Operand)
  /// Any number is below any text.
  case compare(Operand, Comparison, Value)
  case isOneOf(Operand, [Value])
  case glob(Operand, Value)
  /// Whatever the case of its letters.
  case like(Operand, Value)
  /// A text in a text, whatever the case of its letters, or for metadata a value in a list.
  case contains(Operand, Value)

  /// A column matches a pattern, whatever the case of its letters.
  case columnMatches(Column, String)
  /// A column has a text in it, whatever the case of its letters.
  case columnHolds(Column, String)
  /// A member of the metadata, or one of its elements, is a text or matches a pattern, whatever the case of its letters.
  case metadataIs(String, String, isPattern: Bool)

  /// What `name:value` in a query says.
  init(field name: String, value: String) {
    let isPattern = value.contains { "*?[".contains($0) }
    if ["path", "document", "file", "title"].contains(name.lowercased()), let column = Column(typed: name) {
      self = isPattern ? .columnMatches(column, value) : .columnHolds(column, value)
    } else if name.lowercased() == "type" {
      let globs = FileType.all.first { $0.name == value.lowercased() }?.globs ?? ["*.\(value)"]
      self = .any(globs.map { .columnMatches(.file, $0) })
    } else {
      self = .metadataIs(name, value, isPattern: isPattern)
    }
  }
}
