import Foundation
import MinkeCore
import MinkeTestSupport
import Testing

@testable import MinkeSearch

@Suite struct WordAnalyzerTests {
  private let plain = WordAnalyzer(stems: false)

  /// The words of a text, each with its place; wholes of which parts follow in brackets.
  private func words(_ text: String, _ analyzer: WordAnalyzer? = nil) -> String {
    (analyzer ?? plain).words(of: text).map { word in
      let letters = String(decoding: word.bytes, as: UTF8.self)
      return "\(word.position)" + (word.isExtra ? "[\(letters)]" : letters)
    }.joined(separator: " ")
  }

  @Test(arguments: [
    ("The White-Whale, 1851!", "0the 1white 2whale 31851"), ("", ""), (" \n\0\u{7f}", ""), ("a", "0a"),
    ("don't O'Brien's l'eau", "0don 1t 2o 3brien 4s 5l 6eau"),
    // Accents, compatibility forms and capitals.
    ("Café CAFÉ cafe\u{301}", "0cafe 1cafe 2cafe"),
    ("Ångström Łódź Straße STRASSE", "0angstrom 1lodz 2strasse 3strasse"),
    ("ﬁne Ｆｕｌｌ ①②", "0fine 1full 212"), ("ÆON æon œuvre ø", "0aeon 1aeon 2oeuvre 3o"),
    ("İstanbul ısı", "0istanbul 1isi"), ("x²", "0x2"), ("Ёлка ЙОД", "0елка 1иод"),
    ("ΣΊΣΥΦΟΣ σίσυφος", "0σισυφοσ 1σισυφοσ"),
    ("soft\u{ad}hyphen zero\u{200b}width", "0softhyphen 1zerowidth"), ("naïve_wert", "0[naivewert] 0naive 1wert"),
    // Marks that are letters of their script stay.
    ("हिन्दी", "0हिन्दी"), ("שָׁלוֹם", "0שלום"), ("مُحَمَّد", "0محمد"), ("한국어 문서", "0한국어 1문서"),
    // Scripts without spaces.
    ("白鯨", "0白 1鯨 0[白鯨]"), ("日本語abc", "0日 1本 0[日本] 2語 1[本語] 3abc"), ("abc日", "0abc 1日"),
    ("ガｶﾞ", "0ガ 1カ\u{3099} 0[ガカ\u{3099}]"),
    ("日。本", "0日 1本"), ("ไทย", "0ไ 1ท 0[ไท] 2ย 1[ทย]"),
    // Names and numbers.
    ("maxItemCount", "0[maxitemcount] 0max 1item 2count"), ("max_item_count", "0[maxitemcount] 0max 1item 2count"),
    ("HTTPServer XMLParser2", "0[httpserver] 0http 1server 2[xmlparser2] 2xml 3parser2"),
    ("PDFs iPhone PhD eBay McDonald", "0pdfs 1iphone 2phd 3ebay 4[mcdonald] 4mc 5donald"),
    ("__init__ _x a__b x_", "0init 1x 2[ab] 2a 3b 4x"), ("sha256 x86_64 F16C", "0sha256 1[x8664] 1x86 264 3f16c"),
    ("3.14 1,000,000 1,2,3 1.5.2.", "0[3.14] 03 114 2[1000000] 21 3000 4000 51 62 73 8[1.5.2] 81 95 102"),
    ("1,0000 a.b end.Next", "01 10000 2a 3b 4end 5next"), ("getX getXY", "0getx 1[getxy] 1get 2xy"),
    ("whale🐳whale 👩‍👩‍👧", "0whale 1whale"), ("a\u{fffd}b", "0a 1b"),
  ])
  func `text is cut into words`(text: String, expected: String) {
    #expect(words(text) == expected)
  }

  @Test func `stems are cut off and possessives left out`() {
    let english = WordAnalyzer()
    #expect(words("Whales' whale's WHALE’S whaling's, cats'", english) == "0whale 1whale 2whale 3whale 4cat")
    #expect(words("it's 1970s US is", english) == "0it 11970 2us 3is")
    #expect(words("o'smith x's_y", english) == "0o 1smith 2x 3[sy] 3s 4y")
    #expect(words("naïvely Ünited straßen", english) == "0naiv 1unit 2strassen")
    #expect(words("白鯨s", english) == "0白 1鯨 0[白鯨] 2s")
    #expect(words("running_jumps", english) == "0[runningjump] 0run 1jump")
  }

  @Test func `long words are cut and nothing is lost behind them`() {
    let long = String(repeating: "a", count: 1_000)
    let found = plain.words(of: long + " b")
    #expect(found.map(\.bytes.count) == [64, 64, 64, 64, 1])
    #expect(found.last?.position == 4)
    let wide = plain.words(of: String(repeating: "й", count: 50) + "x")
    #expect(wide.count == 1 && wide[0].bytes.count == 64)
    #expect(String(validating: wide[0].bytes, as: UTF8.self) != nil)
    let odd = plain.words(of: "x" + String(repeating: "й", count: 50))
    #expect(odd[0].bytes.count == 63)
    #expect(plain.words(of: String(repeating: "_", count: 1_000)).isEmpty)
    let parts = plain.words(of: Array(repeating: "part", count: 100).joined(separator: "_"))
    #expect(parts.filter { !$0.isExtra }.count == 100)
    #expect(plain.words(of: "ก" + String(repeating: "\u{e34}", count: 300) + "ข").allSatisfy { $0.bytes.count <= 64 })
  }

  @Test func `bytes that are no text separate words`() {
    var random = SeededRandom(3)
    for _ in 0..<1_000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ -> UInt8 in
        Bool.random(using: &random)
          ? UInt8.random(in: 0...255, using: &random) : "aZ_.'9sé日".utf8.randomElement(using: &random)!
      }
      for analyzer in [plain, WordAnalyzer()] {
        let words = bytes.withUnsafeBufferPointer { analyzer.words(of: $0) }
        #expect(
          words.allSatisfy { (1...64).contains($0.bytes.count) && String(validating: $0.bytes, as: UTF8.self) != nil })
        #expect(zip(words.filter { !$0.isExtra }, 0...).allSatisfy { $0.position == $1 })
      }
    }
    let cut: [UInt8] = [0x61, 0xe6, 0x97]
    #expect(cut.withUnsafeBufferPointer { plain.words(of: $0) }.count == 1)
  }

  @Test func `stems are those of the published algorithm`() throws {
    var golden = try Fixture.json("word-stems.json")
    // All words of the books, where somebody made the file: Tests/Fixtures/make_word_fixtures.py.
    if let file = ProcessInfo.processInfo.environment["MINKE_WORD_STEMS"] {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: file))
      golden = try bytes.withUnsafeBytes { try JSONValue(parsing: $0, subject: file) }
    }
    let pairs = try #require(golden["stems"]?.object)
    #expect(pairs.count > 3_000)
    let analyzer = WordAnalyzer()
    for (word, stem) in pairs {
      #expect(words(word, analyzer) == "0" + (stem.string ?? ""), "\(word)")
    }
  }
}
