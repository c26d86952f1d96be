"""Keeps collections in PostgreSQL as people do; Tests/postgres starts it with the path of the command, and perhaps with
another command that is run with MINKE_POSTGRES naming a database."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

from postgres_server import PASSWORD, server
from serving import ROOT, step
from serving import server as minke_server

MINKE = sys.argv[1]
BOOKS = [str(ROOT / f"Examples/books/{name}.txt") for name in ("alice-in-wonderland", "time-machine")]
QUESTIONS = [
    "what does the rabbit take out of its pocket", "the queen's croquet ground", "machine -queen", '"white rabbit" garden',
    "traveller path:time*", "off with her head type:txt", "zzzz",
]


def minke(*arguments, status=0, **options):
    """What the command prints; its messages where it is to fail."""
    done = subprocess.run([MINKE, *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == status, f"{arguments}: status {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout if status == 0 else done.stderr


def found(place, question, *arguments):
    """What a search finds: document, place, score and text."""
    done = subprocess.run(
        [MINKE, "search", "--json", "--in", place, *arguments, "--", question], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [(row["document"], row["lines"], row["score"], row["text"]) for row in rows]


def same(one, other, **options):
    assert len(one) == len(other), (len(one), len(other), options)
    for mine, its in zip(one, other):
        assert (mine[0], mine[1], mine[3]) == (its[0], its[1], its[3]), (mine, its, options)
        assert abs(mine[2] - its[2]) < 5e-4, (mine, its, options)


def check_same(one, other, modes=("both", "meaning", "words")):
    for question in QUESTIONS:
        for mode in modes:
            same(found(one, question, "--mode", mode), found(other, question, "--mode", mode), question=question, mode=mode)


def counts(place):
    info = json.loads(minke("collection", "info", "--json", place))
    return info["documents"], info["passages"]


def check_commands(database, folder):
    for storage in ("float32", "binary", "two-stage"):
        name = storage.replace("-", "_")
        file, place = f"{folder}/{name}.minke", database.address(f"books_{name}")
        for target in (file, place):
            minke("index", *BOOKS, "--into", target, "--storage", storage)
            minke("add", "a rabbit that is late", "--id", "late", "--metadata", '{"year": 1865, "tags": ["x"]}', "--into", target)
        # Two stages score candidates by 8-bit numbers in a file and by floats here.
        check_same(file, place, modes=("words",) if storage == "two-stage" else ("both", "meaning", "words"))
        for condition in ("year > 1800", "tags CONTAINS 'x'", "NOT path LIKE '%alice%'", "size < 160000"):
            same(found(file, "rabbit", "--where", condition, "--mode", "words"),
                 found(place, "rabbit", "--where", condition, "--mode", "words"))
        assert counts(file) == counts(place)
    file, place = f"{folder}/float32.minke", database.address("books_float32")
    report = json.loads(minke("index", *BOOKS, "--into", place, "--json"))
    assert report["unchanged"] == 2 and report["added"] == 0, report
    one, other = (json.loads(minke("similar", "late", "--in", target, "-k", "1", "--json"))["lines"] for target in (file, place))
    assert one == other
    lines = "\n".join(json.dumps({"id": f"n{n}", "text": f"note {n} about roofs", "n": n}) for n in range(50))
    minke("add", "--jsonl", "-", "--into", place, input=lines)
    assert len(found(place, "roofs", "-k", "60", "--mode", "words", "--where", "n >= 45")) == 5
    minke("remove", *[f"n{n}" for n in range(50)], "--in", place)
    assert counts(place) == counts(file)
    # The same, out of it and into a file.
    minke("collection", "export", place, f"{folder}/out")
    minke("collection", "import", f"{folder}/out", f"{folder}/copy.minke")
    check_same(file, f"{folder}/copy.minke", modes=("meaning",))
    # Found by an index now, and with other vectors after that.
    minke("index", *BOOKS, "--into", place, "--postgres-index", "hnsw")
    exact, graph = (found(target, "down the rabbit hole", "--mode", "meaning") for target in (file, place))
    assert len(graph) == 10 and len({row[3] for row in exact} & {row[3] for row in graph}) >= 8
    minke("index", "--reindex", "--dimension", "64", "--into", place)
    minke("index", *BOOKS, "--into", place, "--postgres-index", "exact")
    minke("index", "--reindex", "--dimension", "64", "--into", file)
    check_same(file, place)


def check_exploring(database, folder):
    """What goes through all passages gives the same of a file and of a database."""
    for storage in ("float32", "binary", "two-stage"):
        name = storage.replace("-", "_")
        file, place = f"{folder}/all_{name}.minke", database.address(f"all_{name}")
        for target in (file, place):
            minke("index", *BOOKS, "--into", target, "--storage", storage)
            minke("add", "a rabbit that is late", "--id", "late", "--into", target)
            minke("add", "A rabbit that is late!", "--id", "late too", "--into", target)
            minke("add", "quite another thing", "--id", "gone", "--into", target)
            minke("remove", "gone", "--in", target)
        threshold = ["--threshold", "0.5" if storage != "float32" else "0.75"]
        pairs = [
            [(round(pair["similarity"], 3), [p["document"] for p in pair["passages"]], [p["lines"] for p in pair["passages"]])
             for pair in map(json.loads, minke("duplicates", "--in", target, "--pairs", "--json", *threshold).splitlines())]
            for target in (file, place)
        ]
        key = lambda pair: (pair[1], pair[2])
        assert len(pairs[0]) > 1 and len(pairs[0]) == len(pairs[1]), [len(some) for some in pairs]
        for mine, its in zip(sorted(pairs[0], key=key), sorted(pairs[1], key=key)):
            assert key(mine) == key(its) and abs(mine[0] - its[0]) < 0.002, (mine, its)
        groups = [[json.loads(line)["size"] for line in minke("duplicates", "--in", target, "--json", *threshold).splitlines()]
                  for target in (file, place)]
        assert groups[0] == groups[1], groups
        clusters = [[json.loads(line) for line in minke("cluster", "-k", "4", "--in", target, "--json").splitlines()]
                    for target in (file, place)]
        # Two stages keep 8-bit numbers in a file and floats here.
        slack = 0 if storage != "two-stage" else 20
        for mine, its in zip(*clusters):
            assert abs(mine["size"] - its["size"]) <= slack, (mine, its)
            assert storage == "two-stage" or mine["words"] == its["words"], (mine, its)
        assert sum(one["size"] for one in clusters[1]) == counts(place)[1]
        # From one to the other and back, without encoding anything.
        minke("collection", "export", file, f"{folder}/{name}-out")
        copy = database.address(f"copy_{name}")
        minke("collection", "import", f"{folder}/{name}-out", copy)
        assert counts(copy) == counts(file)
        check_same(copy, place if storage == "two-stage" else file, modes=("words",) if storage == "two-stage" else ("both", "meaning"))
        message = minke("collection", "import", f"{folder}/{name}-out", copy, status=2)
        assert "found one that exists" in message, message
        report = json.loads(minke("index", *BOOKS, "--into", copy, "--json"))
        assert report["unchanged"] == 2 and report["added"] == 0, report
        minke("add", "one more", "--id", "more", "--into", copy)
        assert found(copy, "one more", "-k", "1")[0][0] == "more"
        minke("collection", "verify", copy)
    minke("index", *BOOKS, "--into", f"{folder}/eight.minke", "--storage", "int8")
    minke("collection", "export", f"{folder}/eight.minke", f"{folder}/eight-out")
    message = minke("collection", "import", f"{folder}/eight-out", database.address("from_eight"), status=2)
    assert "expected float32, binary or two-stage" in message, message
    minke("collection", "import", f"{folder}/eight-out", database.address("from_eight"), "--storage", "two-stage")
    assert counts(database.address("from_eight")) == counts(f"{folder}/eight.minke")
    # Files that do not fit together leave nothing behind.
    with open(f"{folder}/eight-out/passages.jsonl") as file:
        lines = file.readlines()
    for broken in (lines[:-1], lines + lines[-1:], [lines[1], lines[0]] + lines[2:]):
        with open(f"{folder}/eight-out/passages.jsonl", "w") as file:
            file.writelines(broken)
        minke("collection", "import", f"{folder}/eight-out", database.address("broken_import"), "--storage", "float32", status=2)
        assert database.sql("SELECT count(*) FROM pg_namespace WHERE nspname = 'broken_import'") == "0"


def check_upkeep(database):
    place, schema = database.address("looked_after"), "looked_after"
    minke("index", *BOOKS, "--into", place, "--storage", "two-stage")
    for number in range(12):
        minke("add", f"note {number} about roofs", "--id", f"n{number}", "--into", place)
    minke("remove", *[f"n{number}" for number in range(6)], "--in", place)
    before = [found(place, question, "--mode", mode) for question in QUESTIONS for mode in ("meaning", "words")]
    info = json.loads(minke("collection", "info", "--json", place))
    database.sql(f"INSERT INTO {schema}.blocks VALUES (900000, 'x'); UPDATE {schema}.collection SET next_block = 900001")
    done = subprocess.run([MINKE, "collection", "verify", place], capture_output=True, text=True)
    assert done.returncode == 2 and "it is of nothing that is there" in done.stdout, done
    minke("collection", "compact", place)
    after = json.loads(minke("collection", "info", "--json", place))
    assert after["bytes"] < info["bytes"] and after["word_parts"] == 1 and after["removed_words_kept"] == 0, (info, after)
    assert before == [found(place, question, "--mode", mode) for question in QUESTIONS for mode in ("meaning", "words")]
    minke("collection", "verify", place)
    minke("index", *BOOKS, "--into", place, "--postgres-index", "hnsw")
    minke("collection", "compact", place)
    minke("collection", "verify", place)
    block = database.sql(f"SELECT block + blocks - 1 FROM {schema}.words")
    for damage, repair, said in [
        ("UPDATE documents SET metadata = '[1]' WHERE name = 'n7'", "UPDATE documents SET metadata = NULL", "its metadata is no object"),
        ("UPDATE passages SET document = 0 WHERE id = 5", "UPDATE passages SET document = (SELECT document FROM passages WHERE id = 6) WHERE id = 5",
         "passage 5: no document has them"),
        ("CREATE TABLE kept AS SELECT * FROM vectors WHERE passage BETWEEN 3 AND 7; DELETE FROM vectors WHERE passage BETWEEN 3 AND 7",
         "INSERT INTO vectors SELECT * FROM kept; DROP TABLE kept", "passages 3 to 7: there is no vector"),
        ("UPDATE signs SET bits = ~bits WHERE passage = 9", "UPDATE signs SET bits = ~bits WHERE passage = 9",
         "passage 9: the bits are not the signs of the numbers"),
        ("INSERT INTO signs SELECT 100000, bits FROM signs LIMIT 1", "DELETE FROM signs WHERE passage = 100000",
         "passage 100000: there is a vector of bits and no text"),
        (f"UPDATE blocks SET bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 255) WHERE id = {block}",
         f"UPDATE blocks SET bytes = set_byte(bytes, 40, get_byte(bytes, 40) # 255) WHERE id = {block}", "words "),
        (f"UPDATE blocks SET id = 800000 WHERE id = {block}", f"UPDATE blocks SET id = {block} WHERE id = 800000",
         f"block {block}: it is of words"),
        ("UPDATE collection SET next_passage = 2", "UPDATE collection SET next_passage = 100000", "expected the next number above"),
        ("ALTER INDEX nearest RENAME TO farthest", "ALTER INDEX farthest RENAME TO nearest", "index nearest: it is not there"),
        ("ALTER TABLE documents RENAME TO others", "ALTER TABLE others RENAME TO documents", 'relation "documents" does not exist'),
        ("UPDATE documents SET whole = false WHERE name = 'n8'", "UPDATE documents SET whole = true", "n8: it was not read to its end"),
    ]:
        database.sql(f"SET search_path TO {schema}, public; {damage}")
        done = subprocess.run([MINKE, "collection", "verify", place], capture_output=True, text=True)
        assert said in done.stdout, (damage, done)
        assert done.returncode == (0 if "whole" in damage else 2), (damage, done)
        database.sql(f"SET search_path TO {schema}, public; {repair}")
    minke("collection", "verify", place)


def check_server(database):
    place = database.address("books_float32")
    with minke_server(MINKE, "--in", place) as address:
        def ask(path, body=None):
            request = urllib.request.Request(
                address + path, None if body is None else json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=60) as reply:
                return json.load(reply)

        [about] = ask("/collections")["collections"]
        assert about["name"] == "books_float32" and about["bytes"] > 0 and about["writable"], about
        results = ask("/search", {"query": "down the rabbit hole", "k": 3, "surroundings": 1})["results"]
        same([(r["document"], r["lines"], r["score"], r["text"]) for r in results], found(place, "down the rabbit hole", "-k", "3"))
        first = results[0]
        assert ask(f"/collections/books_float32/passages/{first['id']}")["passage"]["text"] == first["text"]
        ask("/collections/books_float32/add", {"documents": [{"id": "new", "text": "a quite new zebra"}]})
        assert ask("/search", {"query": "zebra", "k": 1})["results"][0]["document"] == "new"
        # Another process sees it, and what that does is seen here.
        assert found(place, "zebra", "-k", "1")[0][0] == "new"
        minke("remove", "new", "--in", place)
        assert ask("/collections/books_float32/document?name=late")["document"] == "late"
        assert all(r["document"] != "new" for r in ask("/search", {"query": "zebra", "k": 50})["results"])
        while "points" not in (drawn := ask("/collections/books_float32/map")):
            time.sleep(0.1)
        assert drawn["count"] == counts(place)[1] and "late" in drawn["names"], drawn["names"]
        # The server may go and come: the next search connects anew.
        database.stop()
        try:
            ask("/search", {"query": "alice"})
            raise AssertionError("an answer without a database")
        except urllib.error.HTTPError as error:
            assert error.code == 500
        database.start()
        assert ask("/search", {"query": "alice"})["results"]


def check_writers(database, folder):
    place, alone = database.address("together"), database.address("alone")
    texts = pathlib.Path(folder, "texts")
    texts.mkdir()
    words = (ROOT / "Examples/books/moby-dick.txt").read_text().split()
    for number in range(300):
        (texts / f"{number}.txt").write_text(" ".join(words[number * 500:number * 500 + 500 + number]))
    minke("index", str(texts), "--into", alone)
    writers = [
        subprocess.Popen([MINKE, "index", str(texts), "--into", place], stderr=subprocess.PIPE, text=True) for _ in range(4)
    ]
    for writer in writers:
        _, messages = writer.communicate(timeout=600)
        assert writer.returncode == 0, messages
    assert counts(place) == counts(alone), (counts(place), counts(alone))
    for table in ("passages", "vectors"):
        assert database.sql(f"SELECT count(*) FROM together.{table}") == str(counts(alone)[1])
    check_same(place, alone)


def check_kills(database, folder):
    lines = pathlib.Path(folder, "many.jsonl")
    words = (ROOT / "Examples/books/origin-of-species.txt").read_text().split()
    with lines.open("w") as file:
        for number in range(40_000):
            start = number * 7 % (len(words) - 60)
            file.write(json.dumps({"id": str(number), "text": " ".join(words[start:start + 40])}) + "\n")
    place = database.address("killed")
    minke("add", "first", "--id", "first", "--into", place)
    partial = []
    # In the middle of a transaction: of the first, and of one after some were written.
    for least in (0, 1, 20_000):
        writer = subprocess.Popen([MINKE, "index", str(lines), "--into", place], stderr=subprocess.DEVNULL)
        while writer.poll() is None:
            copying, written = database.sql(
                "SELECT (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'minke' AND query LIKE 'COPY%' "
                "AND state <> 'idle'), (SELECT count(*) FROM killed.documents)").split("|")
            if copying != "0" and int(written) > least:
                writer.send_signal(signal.SIGKILL)
        writer.wait()
        documents, passages = counts(place)
        partial.append(documents)
        assert documents == passages, (documents, passages)
        assert found(place, "natural selection", "-k", "3") or documents == 1
    # The server ends the connection of a writer, which says so; nothing is half there.
    writer = subprocess.Popen([MINKE, "index", str(lines), "--into", place], stderr=subprocess.PIPE, text=True)
    ended = "0"
    while writer.poll() is None and ended != "t":
        ended = database.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'minke' AND query LIKE '%COPY%' LIMIT 1")
        time.sleep(0.02)
    messages = writer.communicate(timeout=600)[1]
    if ended == "t":
        assert writer.returncode == 2 and "postgres://" in messages, messages
        assert counts(place)[0] == counts(place)[1]
    minke("index", str(lines), "--into", place)
    assert counts(place) == (40_001, 40_001), counts(place)
    ids = database.sql("SELECT count(DISTINCT key), count(*) FROM killed.documents")
    assert ids == "40001|40001", ids
    print(f"    documents after each kill: {partial}")


def check_wrong(database):
    def fails(place, *words, command="search", **options):
        arguments = ("x", "--in", place) if command == "search" else (*BOOKS, "--into", place)
        message = minke(command, *arguments, status=2, **options)
        for word in words:
            assert word in message, message
        assert PASSWORD not in message and urllib.parse.quote(PASSWORD, safe="") not in message, message
        assert "Fatal" not in message and message.count("\n") <= 2, message

    secret = urllib.parse.quote(PASSWORD, safe="")
    database.sql(f"CREATE ROLE ann LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE bob LOGIN PASSWORD 'bob'")
    base = f"127.0.0.1:{database.port}/postgres"
    fails("postgres://127.0.0.1:1/postgres", "expected an answer of the server")
    fails(f"postgres://ann:{secret}x@{base}?collection=books_float32", "password")
    fails(f"postgres://ann@{base}?collection=books_float32", "password")
    fails(f"postgres://ann:{secret}@{base}?collection=books_float32", "permission denied")
    fails(f"postgres://minke@{base.replace('postgres', 'nowhere')}", 'database "nowhere" does not exist')
    fails(f"postgres://minke:{secret}@127.0.0.1:port/postgres", "port")
    fails(f"postgres://minke:{secret}@{base}?nonsense={secret}", "expected an address of PostgreSQL")
    fails(database.address("not_there"), 'expected a collection called "not_there", found none')
    for name in ('a";drop schema books_float32 cascade;--', "A", "", "pg_temp", "public", "a" * 64, "a%22b", "a b"):
        fails(database.address() + f"?collection={name}", "expected a name of small letters")
        fails(database.address() + f"?collection={name}", "expected a name of small letters", command="index")
    fails(database.address("a") + "&collection=b", "expected one collection, found 2")
    # What others may do, they can.
    database.sql("GRANT USAGE ON SCHEMA books_float32 TO ann; GRANT SELECT ON ALL TABLES IN SCHEMA books_float32 TO ann")
    reader = f"postgres://ann:{secret}@{base}?collection=books_float32"
    same(found(reader, "rabbit"), found(database.address("books_float32"), "rabbit"))
    message = minke("add", "x", "--into", reader, status=2)
    assert "permission denied" in message and secret not in message, message
    with minke_server(MINKE, "--in", reader) as address:
        with urllib.request.urlopen(f"{address}/collections") as reply:
            assert json.load(reply)["collections"][0]["writable"] is False
    # Of a table that is gone, one of another program does not take the place.
    minke("index", BOOKS[0], "--into", database.address("broken"))
    database.sql("CREATE TABLE public.passages (LIKE broken.passages); DROP TABLE broken.passages")
    fails(database.address("broken"), 'relation "passages" does not exist', "expected the tables of a collection")
    database.sql("DROP TABLE broken.collection")
    fails(database.address("broken"), "found none")
    fails(database.address("broken"), "a schema of something else", command="index")
    minke("index", BOOKS[0], "--into", database.address("other"))
    database.sql("UPDATE other.collection SET settings = replace(settings, 'fingerprint\":\"', 'fingerprint\":\"0')")
    fails(database.address("other"), "model")
    database.sql("UPDATE other.collection SET settings = '[]'")
    fails(database.address("other"), 'a right "model"')
    database.sql("UPDATE other.collection SET format = 2")
    fails(database.address("other"), "expected tables of version 1, found version 2")
    message = minke("index", BOOKS[0], "--dimension", "32", "--into", database.address("books_float32"), status=2)
    assert "dimension: expected 64, found 32" in message, message
    message = minke("index", BOOKS[0], "--storage", "int8", "--into", database.address("eight"), status=2)
    assert "expected float32, binary or two-stage" in message, message
    # Without pgvector, and without the right to install it.
    database.sql("CREATE DATABASE plain")
    database.sql("ALTER DATABASE plain SET extension_control_path = '/nonexistent'")
    fails(database.address("a", database="plain"), "pgvector")
    fails(database.address("a", database="plain"), "pgvector", command="index")
    fails(f"postgres://bob:bob@127.0.0.1:{database.port}/plain", "pgvector", command="index")


def check_two_servers(database, folder):
    """Half of a collection's passages and vectors on a second server, searched as one."""
    whole, split = database.address("whole"), database.address("split")
    for place in (whole, split):
        minke("index", *BOOKS, "--into", place)
    middle = int(database.sql("SELECT max(id) / 2 FROM split.passages"))
    with server() as second:
        second.sql("CREATE EXTENSION vector; CREATE SCHEMA split")
        tables = {"passages": "id", "vectors": "passage"}
        definitions = {
            table: database.sql(
                "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' "
                f"ELSE '' END, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'split.{table}'::regclass AND attnum > 0")
            for table in tables
        }
        sql = f"""
            CREATE EXTENSION postgres_fdw;
            -- With the extension named, comparing vectors is left to the server that has them.
            CREATE SERVER second FOREIGN DATA WRAPPER postgres_fdw OPTIONS (
              host '127.0.0.1', port '{second.port}', dbname 'postgres', extensions 'vector', fetch_size '1000',
              batch_size '1000', use_remote_estimate 'true');
            CREATE USER MAPPING FOR minke SERVER second OPTIONS (user 'minke');
            BEGIN;
        """
        for table, key in tables.items():
            second.sql(f"""
                CREATE TABLE split.{table}_1 ({definitions[table]}, PRIMARY KEY ({key}));
                {"ALTER TABLE split.vectors_1 ALTER embedding SET STORAGE PLAIN" if table == "vectors" else
                 "CREATE INDEX ON split.passages_1 (document, id)"};
            """)
            sql += f"""
                ALTER TABLE split.{table} RENAME TO {table}_0;
                CREATE TABLE split.{table} ({definitions[table]}) PARTITION BY RANGE ({key});
                CREATE FOREIGN TABLE split.{table}_1 PARTITION OF split.{table} FOR VALUES FROM ({middle}) TO (MAXVALUE)
                  SERVER second;
                INSERT INTO split.{table}_1 SELECT * FROM split.{table}_0 WHERE {key} >= {middle};
                DELETE FROM split.{table}_0 WHERE {key} >= {middle};
                ALTER TABLE split.{table} ATTACH PARTITION split.{table}_0 FOR VALUES FROM (MINVALUE) TO ({middle});
            """
        database.sql(sql + "COMMIT")
        assert int(second.sql("SELECT count(*) FROM split.vectors_1")) > middle / 2
        check_same(whole, split)
        # The second server sorts its own vectors.
        dimension = json.loads(minke("collection", "info", "--json", split))["dimension"]
        plan = database.sql(
            "SET search_path TO split, public; EXPLAIN (VERBOSE) SELECT v.passage FROM vectors v ORDER BY v.embedding "
            f"<#> '{[0.1] * dimension}'::vector, v.passage LIMIT 10")
        assert "Remote SQL" in plan and "ORDER BY" in plan.split("Remote SQL", 1)[1], plan
        # Changes go to both servers.
        for place in (whole, split):
            minke("add", "a walrus and a carpenter walk on the beach", "--id", "walrus", "--into", place)
            minke("remove", BOOKS[0], "--in", place)
        assert second.sql("SELECT count(*) FROM split.passages_1 WHERE text LIKE 'a walrus%'") == "1"
        assert counts(whole) == counts(split)
        check_same(whole, split)
        assert found(split, "walrus", "-k", "1")[0][0] == "walrus"
        second.stop()
        assert "could not connect to server" in minke("search", "alice", "--in", split, status=2)
        second.start()
        check_same(whole, split, modes=("meaning",))


def main():
    settings = {"fsync": "off", "max_connections": "50"}
    with tempfile.TemporaryDirectory() as folder, server(settings) as database:
        for words, check in [
            ("every command, beside a file", lambda: check_commands(database, folder)),
            ("duplicates, clusters, files out and in", lambda: check_exploring(database, folder)),
            ("verify and compact", lambda: check_upkeep(database)),
            ("minke serve, while the database goes and comes", lambda: check_server(database)),
            ("four writers of the same files at once", lambda: check_writers(database, folder)),
            ("writers that are killed", lambda: check_kills(database, folder)),
            ("wrong addresses, rights, tables and settings", lambda: check_wrong(database)),
            ("one collection on two servers", lambda: check_two_servers(database, folder)),
        ]:
            step(words)
            check()
        if len(sys.argv) > 2:
            step(" ".join(sys.argv[2:]))
            subprocess.run(sys.argv[2:], check=True, env=os.environ | {"MINKE_POSTGRES": database.address()})


if __name__ == "__main__":
    main()
