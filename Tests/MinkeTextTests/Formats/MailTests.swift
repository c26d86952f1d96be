import Testing

@testable import MinkeText

struct MailTests {
  @Test func `a message gives its header, its texts and the names of what is attached`() throws {
    let letter = try ReadDocument(fixture: "letter.eml", length: 1000)
    letter.checkPlaces()
    #expect(
      letter.texts == [
        """
        Subject: Der weiße Wal and more
        From: Hermänn <h@example.org>
        To: Ishmael <i@example.org>
        Date: Fri, 20 Nov 2026 10:00:00 +0000

        Café opens at noon. Two = two.\r
        \r
        Second paragraph.
        """,
        "Überschrift\n\nEin Wal & ein Schiff, und noch viel mehr Text, damit es mehrere Zeilen gibt.\n\nAttachments: plän.pdf",
      ])
    #expect(letter.passages.map(\.context) == [nil, "Der weiße Wal and more"])
  }

  @Test func `texts of a message stand where they are in the file`() throws {
    let letter = try ReadDocument(fixture: "letter.eml", length: 16)
    letter.checkPlaces()
    let second = try #require(letter.texts.firstIndex { $0.hasPrefix("Café") })
    #expect(letter.slice(second).hasPrefix("Caf=E9 opens at =\r\nnoon."))
    let heading = try #require(letter.texts.firstIndex { $0.hasPrefix("Überschrift") })
    // The lines of base64 that hold it.
    #expect(letter.slice(heading).hasPrefix("PGh0bWw"))
    #expect(letter.passages[heading].context == "Der weiße Wal and more")
  }

  @Test func `what is no message, or a broken one, is read as far as it goes`() throws {
    for (source, text) in [
      ("no header at all", "no header at all"), ("Subject: x", "Subject: x"),
      ("Subject: x\n\nbody", "Subject: x\n\nbody"),
      ("Subject: x\nno field\n", "Subject: x\n\nno field"), ("\n\n", ""),
      ("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo", "one\n\ntwo"),
      ("Content-Type: multipart/mixed; boundary=b\n\nno parts", ""),
      ("Content-Type: text/plain; charset=utf-8\n\ncaf\u{e9}", "caf\u{e9}"),
      ("Content-Transfer-Encoding: base64\n\nd2hhbGU", "whale"),
      ("Subject: =?utf-8?Q?a=\n\n=", "Subject: =?utf-8?Q?a=\n\n="),
      ("Content-Type: message/rfc822\n\nSubject: inner\n\ntext", "Subject: inner\n\ntext"),
      ("Content-Transfer-Encoding: quoted-printable\n\na=\nb=ZZ=3", "ab=ZZ=3"),
    ] {
      let message = try ReadDocument(source, .email)
      #expect(message.texts.joined(separator: "\n\n") == text, "\(source)")
      message.checkPlaces()
    }
    let latin = try ReadDocument(Array("Subject: a\n\ncaf".utf8) + [0xe9, 0x0a], .email)
    #expect(latin.texts == ["Subject: a\n\ncafé"])
    #expect(latin.passages[0].byteRange == 0..<16)
  }
}
