import Foundation
import MinkeTestSupport
import Testing

@testable import MinkeText

struct CodeTests {
  /// The first line of each block that begins a declaration's passage, behind its context.
  private func outline(_ source: String, _ language: SourceLanguage) throws -> [String] {
    let code = try #require(StructuredText(code: Array(source.utf8), language))
    return code.blocks.map { block in
      let text = String(decoding: code.text[block.range], as: UTF8.self)
      let first = text.split(separator: "\n").first.map(String.init) ?? ""
      let inner = code.contexts.path(to: block.innerContext) ?? "-"
      return "\(inner) | \(first)"
    }
  }

  @Test func `Swift is divided at functions and types, with their comments and attributes`() throws {
    let source = ##"""
      import Foundation

      /// A point
      /// with "quotes {".
      @frozen
      public struct Point: Sendable {
        let x = "}", y = #"\(no) ""#
        var size: Int { x.count }

        /* A comment { of
           several lines */
        @inlinable
        func text(_ f: () -> Void = {}) -> String
        where Self: Sendable {
          let c = """
            } \(x.map { "\($0 + "}")" }) {
            """
          #if os(Linux)
            return c
          #endif
        }
        init?() { return nil } // never }
        enum Kind { case a }
      }

      extension Point: Hashable where Int == Int {
        static func == (a: Point, b: Point) -> Bool { a.x.contains(/["{]+/) }
      }
      let last = [1, 2].map {
        $0
      }
      func end() {}
      """##
    let swift = try outline(source, .swift)
    #expect(
      swift == [
        "- | import Foundation", "- | /// A point", "struct Point | let x = \"}\", y = #\"\\(no) \"\"#",
        "struct Point > var size | var size: Int { x.count }", "struct Point > func text | /* A comment { of",
        "struct Point > init | init?() { return nil } // never }", "struct Point | enum Kind {",
        "struct Point > enum Kind | case a }",
        "- | extension Point: Hashable where Int == Int {",
        "extension Point > func == | static func == (a: Point, b: Point) -> Bool { a.x.contains(/[\"{]+/) }",
        "let last | let last = [1, 2].map {", "func end | func end() {}",
      ])
  }

  @Test func `C and C++ are divided whatever the preprocessor says`() throws {
    let source = ##"""
      #include <x.h>
      #define OPEN {
      struct point { int x; };
      static const struct point origin[] = { {1}, {'}'}, {'\''} };

      /* Adds. */
      static int
      add(int a, int b)
      {
        return a + '{' + 1'000;
      }

      #ifdef A
      int twice(int a) {
      #else
      int twice(long a) {
      #endif
        return "}"[a];
      }
      namespace a::b {
      template <class T> class Box : public Base {
       public:
        Box(T t) : t(t) { R"x(} )" )x"; }
        ~Box() {}
        void put() const noexcept(true);
      };
      int Box<int>::get() { return 0; }
      }  // namespace
      extern "C" {
      void plain(void) {}
      }
      """##
    let cpp = try outline(source, .cpp)
    #expect(
      cpp == [
        "- | #include <x.h>", "- | struct point {",
        "struct point | int x; };", "- | static const struct point origin[] = { {1}, {'}'}, {'\\''} };",
        "add | /* Adds. */", "- | #ifdef A", "twice | int twice(long a) {", "- | namespace a::b {",
        "namespace a::b | template <class T> class Box : public Base {", "namespace a::b > class Box | public:",
        "namespace a::b > class Box > Box | Box(T t) : t(t) { R\"x(} )\" )x\"; }",
        "namespace a::b > class Box > ~Box | ~Box() {}",
        "namespace a::b > class Box | void put() const noexcept(true);",
        "namespace a::b > get | int Box<int>::get() { return 0; }", "- | extern \"C\" {",
        "plain | void plain(void) {}",
      ])
  }

  @Test func `JavaScript and TypeScript are divided through templates, expressions and missing semicolons`() throws {
    let source = ##"""
      import x from 'y'
      const open = '{', re = /[{"']/g
      export default class Box extends Base {
        static #n = 1
        get size() { return `${this.n ? `}` : "{"}` }
        async put(a, { b } = {}) {
          if (a) { return /}/.test(a) }
        }
      }
      function outer() {
        return 1
      }
      export const arrow = async (x) => {
        return x / 2 / 3
      }
      """##
    let javascript = try outline(source, .javascript)
    #expect(
      javascript == [
        "- | import x from 'y'", "- | export default class Box extends Base {", "class Box | static #n = 1",
        "class Box > size | get size() { return `${this.n ? `}` : \"{\"}` }",
        "class Box > put | async put(a, { b } = {}) {", "function outer | function outer() {",
        "const arrow | export const arrow = async (x) => {",
      ])
    let types = "interface A { b: { c: number } }\nclass X<T> {\n  private m<K>(a: K): T[] {\n    return []\n  }\n}\n"
    let typescript = try outline(types, .typescript)
    #expect(
      typescript == [
        "- | interface A {", "interface A | b: { c: number } }", "- | class X<T> {",
        "class X > m | private m<K>(a: K): T[] {",
      ])
  }

  @Test func `Java, C#, Kotlin, Scala, Go, Rust, PHP, Dart and Objective-C are divided`() throws {
    for (language, source, wanted) in [
      (
        .java,
        "package a;\n@Rule(\"x\")\npublic class A<T> extends B {\n  @Override\n  public int f(int a) { return '}'; }\n}",
        ["- | package a;", "- | @Rule(\"x\")", "class A > f | @Override"]
      ),
      (
        .csharp,
        "namespace N {\n  [Attr(1)]\n  class A {\n    string s = @\"\\\";\n    public int F() { return 1; }\n  }\n}",
        [
          "- | namespace N {", "namespace N | [Attr(1)]", "namespace N > class A | string s = @\"\\\";",
          "namespace N > class A > F | public int F() { return 1; }",
        ]
      ),
      (
        .kotlin, "data class P(val x: Int) {\n  fun String.f() = \"${\"}\"}\"\n  fun g(): Int {\n    return 1\n  }\n}",
        [
          "- | data class P(val x: Int) {", "class P | fun String.f() = \"${\"}\"}\"",
          "class P > fun g | fun g(): Int {",
        ]
      ),
      (
        .scala, "object A extends App {\n  def f(x: Int): Int = {\n    x\n  }\n}",
        ["- | object A extends App {", "object A > def f | def f(x: Int): Int = {"]
      ),
      (
        .go, "package a\n\ntype T struct {\n\tx int\n}\n\n// F does.\nfunc (t *T) F(a int) error {\n\treturn `}`\n}",
        ["- | package a", "type T | type T struct {", "func F | // F does."]
      ),
      (
        .rust,
        "#[derive(Debug)]\nstruct A<'a> { s: &'a str }\n\nimpl<'a> Tr for A<'a> {\n    /// Doc.\n    #[inline]\n    fn f(&self) -> char { r#\"}\"\"#; '{' }\n}",
        [
          "- | #[derive(Debug)]", "struct A | s: &'a str }", "- | impl<'a> Tr for A<'a> {",
          "impl<'a> Tr for A<'a> > fn f | /// Doc.",
        ]
      ),
      (
        .php, "<?php\nnamespace A;\n# a { comment\nclass B {\n  public function f($x) { return \"}\n'\"; }\n}",
        ["- | <?php", "- | # a { comment", "class B > function f | public function f($x) { return \"}"]
      ),
      (
        .dart, "class A {\n  int f() {\n    return 1;\n  }\n}", ["- | class A {", "class A > f | int f() {"]
      ),
      (
        .objectiveC, "@implementation A\n\n- (void)f:(int)a with:(int)b {\n}\n+ (id)g {\n}\n@end",
        ["- | @implementation A", "f | - (void)f:(int)a with:(int)b {", "g | + (id)g {", "- | @end"]
      ),
    ] as [(SourceLanguage, String, [String])] {
      let found = try outline(source, language)
      #expect(found == wanted, "\(language)")
    }
  }

  @Test func `Python, Ruby and shell are divided by their indentation`() throws {
    let python = #"""
      import os

      # About f.
      @cache
      def f(a,
            b="("):
          """A text:
      def not_one(): pass
          """
          return [1,
      2]

      class A(B):
          x = 1

          async def g(self):
              def inner(): pass
              return '''{'''

          class C: pass
      print(f(1))
      """#
    let pythonOutline = try outline(python, .python)
    #expect(
      pythonOutline == [
        "- | import os", "def f | # About f.", "- | class A(B):", "class A | x = 1",
        "class A > def g | async def g(self):",
        "class A | class C: pass", "- | print(f(1))",
      ])
    let ruby =
      "module M\n  class A < B\n    # Doc\n    def f?(x)\n      if x\n      end\n    end\n\n    private def g; end\n  end\nend\nputs 1\n"
    let rubyOutline = try outline(ruby, .ruby)
    #expect(
      rubyOutline == [
        "- | module M", "module M | class A < B", "module M > class A > def f? | # Doc",
        "module M > class A > def g | private def g; end", "- | puts 1",
      ])
    let shell = "#!/bin/sh\nset -e\n\n# Says.\nsay() {\n  echo \"$1\" # }\n}\nfunction go {\n  say x\n}\ngo\n"
    let shellOutline = try outline(shell, .shell)
    #expect(
      shellOutline == ["- | #!/bin/sh", "say | # Says.", "function go | function go {", "- | go"])
  }

  @Test func `a function that fits is not torn, small ones are joined, long ones are cut at lines`() throws {
    let small = (0..<20).map { "  func small\($0)() { work(\($0)) }\n" }.joined()
    let long = "  func long() {\n" + (0..<100).map { "    call(number: \($0), more: true)\n" }.joined() + "  }\n"
    let source = "struct Box {\n\(small)\n\(long)\n\(small)}\n"
    let document = try ReadDocument(source, .code(.swift), length: 100)
    document.checkPlaces()
    #expect(document.texts.allSatisfy { !$0.isEmpty && $0.count <= 500 })
    // Every byte but white space is in some passage, once.
    #expect(document.texts.joined().filter { !$0.isWhitespace } == source.filter { !$0.isWhitespace })
    #expect(document.passages.indices.allSatisfy { document.slice($0) == document.texts[$0] })
    #expect(document.passages.first?.context == nil && document.texts[0].hasPrefix("struct Box {"))
    let inside = document.passages.indices.filter { document.passages[$0].context == "struct Box > func long" }
    #expect(inside.count > 5 && inside.allSatisfy { document.texts[$0].hasPrefix("call(number:") })
    for text in document.texts where text.contains("func small") {
      let count = text.components(separatedBy: "func small").count
      #expect(count == text.components(separatedBy: "work(").count && count > 2)
    }
  }

  @Test func `what is not balanced is divided all the same, and nothing is lost`() throws {
    for source in [
      "func a() {\n", "}}}}\nfunc b() { }\n", "func a() {}\nfunc b() { \"\n}\n", "func a() {}\n/* no end",
      "struct A {\nfunc b() {}\n",
      "func a() {}\nlet x = \"\"\"\n}", "func a() {} func b() {} struct C { func d() {} }",
      "func a() {}\n(((((\nfunc b() {}",
      "#if X\nfunc a() {\n#else\n#else\n#endif\n#endif\n}\nfunc c() {}",
    ] {
      for language in [SourceLanguage.swift, .c, .javascript, .rust, .csharp] {
        let bytes = Array(source.utf8)
        let splitter = PassageSplitter(length: 4, overlap: 0)
        let parts = bytes.withUnsafeBufferPointer { splitter.split($0, format: .code(language)) }
        let text = parts.map { String(decoding: bytes[$0.byteRange], as: UTF8.self) }.joined()
        #expect(text.filter { !$0.isWhitespace } == source.filter { !$0.isWhitespace }, "\(source) \(language)")
      }
    }
    #expect(StructuredText(code: Array("print(1)\nprint(2)\n".utf8), .swift) == nil)
    let plain = PassageSplitter().split("print(1)\n", format: .plain)
    #expect(PassageSplitter().split("print(1)\n", format: .code(.swift)) == plain)
  }

  @Test func `this package's own sources are understood to their ends`() throws {
    let root = Fixture.url("").deletingLastPathComponent().deletingLastPathComponent()
    let walker = try TextFileWalker([FilePath(root.path + "/Sources"), FilePath(root.path + "/Tests")])
    var files = 0
    for file in walker.files {
      guard case .code(let language) = DocumentFormat(path: file.path.description), language != .python else {
        continue
      }
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: file.path.description)))
      guard let code = StructuredText(code: bytes, language), bytes.count > 400,
        // Tables are long, and rightly so.
        !file.path.description.hasSuffix("Data.swift"), !file.path.description.contains("Data+")
      else { continue }
      files += 1
      // A brace misunderstood leaves the rest of a file without declarations: no block is longer than a function.
      let longest = code.blocks.map(\.range.count).max() ?? 0
      #expect(longest < 9000, "\(file.path)")
      let last = try #require(code.blocks.last)
      #expect(last.range.upperBound >= bytes.count - 2, "\(file.path)")
    }
    #expect(files > 200)
  }
}
