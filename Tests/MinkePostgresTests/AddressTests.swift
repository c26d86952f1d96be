#if PostgreSQL
  import MinkeCore
  import Testing

  @testable import MinkePostgres

  @Suite struct AddressTests {
    @Test func collectionIsTakenOutAndPasswordsAreNotShown() throws {
      let address = try PostgresAddress(
        "postgresql://ann:s%20cret@db.example:5433/notes?sslmode=require&collection=my_notes&password=other")
      #expect(address.collection == "my_notes")
      #expect(address.connection == "postgresql://ann:s%20cret@db.example:5433/notes?sslmode=require&password=other")
      #expect(address.description == "postgres://ann@db.example:5433/notes?collection=my_notes")
      for message in ["invalid port s%20cret", "what is \"s cret\"?", "other"] {
        #expect(address.withoutSecrets(message) == "one that libpq refuses")
      }
      #expect(address.withoutSecrets("no such host") == "no such host")
    }

    @Test(arguments: [
      ("postgres://", "postgres://", "postgres://?collection=minke"),
      ("postgres:///notes", "postgres:///notes", "postgres:///notes?collection=minke"),
      ("postgres://h/d?collection=a", "postgres://h/d", "postgres://h/d?collection=a"),
      ("postgres://u:p:q@h1:1,h2:2/d", "postgres://u:p:q@h1:1,h2:2/d", "postgres://u@h1:1,h2:2/d?collection=minke"),
      ("postgres://u:p@ss@h/d", "postgres://u:p@ss@h/d", "postgres://u@h/d?collection=minke"),
      ("postgres://h/d@e", "postgres://h/d@e", "postgres://h/d@e?collection=minke"),
    ])
    func addressesAreRead(text: String, connection: String, shown: String) throws {
      let address = try PostgresAddress(text)
      #expect(address.connection == connection)
      #expect(address.description == shown)
    }

    @Test(arguments: [
      "", "A", "1a", "a-b", "a b", "a\"; DROP SCHEMA public", "pg_catalog", "public", "information_schema", "é",
      "a%20b",
      String(repeating: "a", count: 64),
    ])
    func otherNamesAreRefused(name: String) {
      let error = #expect(throws: MinkeError.self) {
        try PostgresAddress("postgres://u:secret@h/d?collection=\(name)")
      }
      #expect(error?.kind == .invalidArgument)
      #expect(error?.description.contains("secret") == false)
    }

    @Test func twoCollectionsAreRefused() {
      #expect(throws: MinkeError.self) { try PostgresAddress("postgres://h/d?collection=a&collection=b") }
      #expect(throws: MinkeError.self) { try PostgresAddress("notes.minke") }
    }
  }
#endif
