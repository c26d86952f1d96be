/// What an element of HTML means for the text on its page.
enum HTMLElement: Equatable {
  /// A paragraph of its own.
  case block
  case heading(Int)
  case title
  /// White space in it stays as it is.
  case preformatted
  /// A line with a sign in front, in the block of its list.
  case item
  /// A line in the block it is in.
  case line
  case lineBreak
  case cell
  case image
  /// What is in it is no markup, and not shown.
  case raw
  /// What is in it is not shown, or is not what the page is about.
  case hidden
  case inline

  init(_ name: String) { self = Self.elements[name] ?? .inline }

  private static let elements: [String: HTMLElement] = {
    var elements: [String: HTMLElement] = [
      "h1": .heading(1), "h2": .heading(2), "h3": .heading(3), "h4": .heading(4), "h5": .heading(5), "h6": .heading(6),
      "title": .title, "pre": .preformatted, "listing": .preformatted, "li": .item, "dt": .line, "dd": .line,
      "tr": .line, "option": .line, "br": .lineBreak, "td": .cell, "th": .cell, "img": .image, "area": .image,
    ]
    for name in [
      "address", "article", "aside", "blockquote", "body", "caption", "center", "details", "dialog", "dir", "div", "dl",
      "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "main", "menu",
      "ol", "p", "section", "select", "summary", "table", "ul",
    ] { elements[name] = .block }
    for name in ["script", "style", "xmp", "iframe", "noembed", "noframes"] { elements[name] = .raw }
    for name in ["nav", "template", "svg", "noscript", "datalist"] { elements[name] = .hidden }
    return elements
  }()
}
