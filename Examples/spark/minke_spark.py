#!/usr/bin/env python3
"""Encodes tables of any size with Minke on Spark, and finds exact nearest neighbors over all their parts.

    spark-submit minke_spark.py encode --input passages.parquet --output vectors
    spark-submit minke_spark.py encode --input questions.jsonl --role query --output queries
    spark-submit minke_spark.py neighbors --base vectors --queries queries -k 10 --output nearest

Every partition runs one process of `minke`, which must be on all workers. In a program of one's own, `encode` and
`neighbors` take data frames and give data frames.
"""
import argparse
import io
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading

import numpy
import pyarrow
import pyarrow.compute
from pyspark.sql import SparkSession, Window, functions
from pyspark.sql import types


class MinkeFailed(Exception):
    """What the person who started the job is told."""


class Process:
    """A process of the command: what `feed` yields goes in on a thread of its own, while the caller reads what comes out.

    Neither side runs ahead: a pipe holds 64 KiB, the command about a megabyte of input more.
    """

    def __init__(self, command, threads, feed):
        self.errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                env={**os.environ, "MINKE_THREADS": str(threads)})
        except OSError as error:
            raise MinkeFailed(f"{command[0]} cannot be run: {error.strerror}")
        self.failure = None
        self.writer = threading.Thread(target=self._write, args=(feed,), daemon=True)
        self.writer.start()

    def _write(self, feed):
        try:
            for piece in feed:
                self.process.stdin.write(piece)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # The process has ended, and its status says why.
        except BaseException as error:
            self.failure = error
            self.process.kill()
        finally:
            feed.close()
            try:
                self.process.stdin.close()
            except BrokenPipeError:
                pass

    def read(self, count):
        """The next `count` bytes, or all that are left."""
        return self.process.stdout.read(count)

    def finish(self):
        """Waits for the end and raises what went wrong."""
        more = self.process.stdout.read(1)
        status = self.process.wait()
        self.writer.join()
        if self.failure:
            raise self.failure
        if status:
            self.errors.seek(0)
            said = self.errors.read()[-2000:].decode("utf-8", "replace").strip()
            raise MinkeFailed(said or (f"minke was ended by signal {-status}" if status < 0 else f"minke ended with {status}"))
        if more:
            raise MinkeFailed("minke gave more than was asked for")

    def kill(self):
        """Ends the process where it still runs, as when the task is cancelled."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def on_a_worker(spark, command, threads=1):
    """What `command` writes when it is run once, without input, on one of the workers."""

    def run(_):
        # An error is handed back as a value, for Spark would try again what can only fail again.
        process = None
        try:
            process = Process(command, threads, (piece for piece in ()))
            output = process.read(-1)
            process.finish()
            return [(output, None)]
        except MinkeFailed as error:
            return [(None, str(error))]
        finally:
            if process:
                process.kill()

    output, error = spark.sparkContext.parallelize([0], 1).mapPartitions(run).collect()[0]
    if error:
        raise MinkeFailed(error)
    return output


# Encoding.

def encode(table, text_column="text", id_column="id", model=None, format=None, dimension=None, role=None, precision=None,
           minke="minke"):
    """The vectors of the texts of a data frame: a frame of its ids and `vector` (array<float>, or array<tinyint> for the
    format int8), or `bits` (binary, eight to a byte).

    A null text has a null vector; an empty one is a text like others. Without a format there are bits where the model
    gives bits, else floats.
    """
    spark, threads = table.sparkSession, threads_of(table.sparkSession)
    for column in (text_column, id_column):
        check_column(table, column)
    kind = table.schema[text_column].dataType
    if not isinstance(kind, types.StringType):
        raise MinkeFailed(f"column {text_column}: expected strings, found {kind.simpleString()}")
    check_id(table, id_column)
    command = [minke, "encode", "--jsonl"]
    for name, value in {"--model": model, "--dimension": dimension, "--role": role, "--precision": precision}.items():
        command += [name, str(value)] if value is not None else []
    # Of no texts: tells the width of a vector, and whether there are command and model.
    none = numpy.load(io.BytesIO(on_a_worker(spark, [*command, "--format", "npy"], threads)))
    if format == "bits" and none.dtype != numpy.uint8:
        command += ["--binarize"]
        none = numpy.load(io.BytesIO(on_a_worker(spark, [*command, "--format", "npy"], threads)))
    if none.dtype == numpy.uint8 and format not in (None, "bits"):
        raise MinkeFailed(f"--format {format}: the model gives bits")
    form = "bits" if none.dtype == numpy.uint8 else format or "float"
    command += ["--format", "raw"]
    width, item = none.shape[1], none.dtype.itemsize

    def vectors(batches):
        waiting = queue.SimpleQueue()  # What lies between the two pipes; they bound it.

        def lines():
            quote = json.JSONEncoder(ensure_ascii=False).encode
            try:
                for batch in batches:
                    ids, texts = batch.columns
                    if ids.null_count:
                        raise MinkeFailed(f"column {id_column}: a row without an id")
                    waiting.put((ids, texts.is_valid().to_numpy(zero_copy_only=False)))
                    texts = texts.drop_null()
                    for start in range(0, len(texts), 256):
                        yield "".join(f'{{"text":{quote(one)}}}\n' for one in texts[start:start + 256].to_pylist()).encode()
            finally:
                waiting.put(None)

        process = Process(command, threads, lines())
        try:
            while (rows := waiting.get()) is not None:
                ids, valid = rows
                count = int(valid.sum())
                data = process.read(count * width * item)
                if len(data) < count * width * item:
                    process.finish()
                    raise MinkeFailed("minke gave fewer vectors than it was given texts")
                yield pyarrow.RecordBatch.from_arrays(
                    [ids, column_of(data, valid, width, form)], names=[id_column, "bits" if form == "bits" else "vector"])
            process.finish()
        finally:
            process.kill()

    columns = types.StructType([
        types.StructField(id_column, table.schema[id_column].dataType),
        types.StructField("bits", types.BinaryType()) if form == "bits" else types.StructField(
            "vector", types.ArrayType(types.FloatType() if form == "float" else types.ByteType(), False))])
    return table.select(functions.col(quoted(id_column)), functions.col(quoted(text_column))).mapInArrow(vectors, columns)


def column_of(data, valid, width, form):
    """Rows of vectors as a column; rows that are not valid are null."""
    if form == "bits":
        ends = (numpy.cumsum(valid) * width).tolist()
        return pyarrow.array(
            [data[end - width:end] if one else None for one, end in zip(valid.tolist(), ends)], pyarrow.binary())
    numbers = numpy.frombuffer(data, "<f4")
    if form == "int8":
        rows = numbers.reshape(-1, width)
        largest = numpy.abs(rows).max(axis=1, initial=0, keepdims=True).astype(float)
        factors = numpy.divide(127, largest, out=numpy.zeros_like(largest), where=largest > 0)
        numbers = numpy.rint(rows * factors).astype("i1").ravel()
    ends = numpy.concatenate([[0], numpy.cumsum(valid)]) * width
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(ends, pyarrow.int32()), pyarrow.array(numbers), mask=pyarrow.array(~valid))


# Neighbors.

def neighbors(base, queries, k=10, id_column="id", query_id_column="id", vector_column=None, metric=None, storage=None,
              minke="minke", chunk_bytes=128 << 20):
    """The `k` nearest rows of `base` for each row of `queries`: a frame of `query`, `rank` from 1, `id` and `score`.

    The search is exact. Scores are those of `minke knn`: larger is nearer but for hamming, the number of bits that differ.
    Of equal scores the lower id comes first. The queries are held by every worker, beside a chunk of a partition's
    vectors at a time; rows without a vector are left out.
    """
    spark, threads = base.sparkSession, threads_of(base.sparkSession)
    vector = vector_column or ("bits" if "bits" in base.columns and "vector" not in base.columns else "vector")
    for table, key in ((base, id_column), (queries, query_id_column)):
        for column in (key, vector):
            check_column(table, column)
        check_id(table, key)
    kinds = [element_of(table, vector) for table in (base, queries)]
    if kinds[0] != kinds[1]:
        raise MinkeFailed(f"column {vector}: the base has {kinds[0]}, the queries have {kinds[1]}")
    metric = metric or ("hamming" if kinds[0] == "bits" or storage == "binary" else "cosine")
    on_a_worker(spark, [minke, "--version"], threads)
    wanted = queries.select(functions.col(quoted(query_id_column)), functions.col(quoted(vector))).toArrow()
    query_ids, asked = rows_of(wanted.columns[0].combine_chunks(), wanted.columns[1].combine_chunks(), query_id_column, vector)
    if len(query_ids) == 0:
        raise MinkeFailed("the queries have no vectors")
    if len(query_ids) != len(set(query_ids)):
        raise MinkeFailed(f"column {query_id_column}: two queries have the same id")
    held = spark.sparkContext.broadcast(b"".join(npy(asked)))
    command = [minke, "knn", "--base", "-", "-k", str(k), "--metric", metric] + (["--storage", storage] if storage else [])
    sign = 1 if metric == "hamming" else -1

    def scan(batches):
        best = [[] for _ in query_ids]
        with tempfile.NamedTemporaryFile(suffix=".npy") as file:
            file.write(held.value)
            file.flush()
            for ids, vectors in chunks(batches, id_column, vector, chunk_bytes):
                process = Process([*command, "--queries", file.name], threads, npy(vectors))
                try:
                    for line in process.process.stdout:
                        found = json.loads(line)
                        some = best[found["query"]]
                        some += [(sign * score, ids[row]) for row, score in zip(found["ids"], found["scores"])]
                        some.sort()
                        del some[k:]
                    process.finish()
                finally:
                    process.kill()
        rows = [(query, one, sign * score) for query, some in zip(query_ids, best) for score, one in some]
        columns = list(zip(*rows)) or [[], [], []]
        yield pyarrow.RecordBatch.from_arrays(
            [pyarrow.array(columns[0], query_type), pyarrow.array(columns[1], base_type),
             pyarrow.array(columns[2], pyarrow.float32())], names=["query", "id", "score"])

    query_type = wanted.schema.field(0).type
    base_type = pyarrow.string() if isinstance(base.schema[id_column].dataType, types.StringType) else pyarrow.int64()
    columns = types.StructType([
        types.StructField("query", queries.schema[query_id_column].dataType),
        types.StructField("id", types.StringType() if base_type == pyarrow.string() else types.LongType()),
        types.StructField("score", types.FloatType())])
    score = functions.col("score")
    order = Window.partitionBy("query").orderBy(score.asc() if metric == "hamming" else score.desc(), "id")
    return (base.select(functions.col(quoted(id_column)), functions.col(quoted(vector))).mapInArrow(scan, columns)
            .withColumn("rank", functions.row_number().over(order)).where(functions.col("rank") <= k)
            .select("query", "rank", "id", "score"))


def chunks(batches, id_column, vector, size):
    """The ids and vectors of `batches`, as many at a time as fill a chunk, in the order of the ids."""
    kept, held = [], 0
    for batch in batches:
        ids, vectors = rows_of(*batch.columns, id_column, vector)
        if len(ids):
            if kept and vectors.shape[1] != kept[0][1].shape[1]:
                raise MinkeFailed(f"column {vector}: vectors of different lengths")
            kept.append((ids, vectors))
            held += vectors.nbytes
        if held >= size:
            yield in_order(kept)
            kept, held = [], 0
    if kept:
        yield in_order(kept)


def in_order(kept):
    ids = [one for some, _ in kept for one in some]
    vectors = numpy.concatenate([some for _, some in kept])
    # Of equal scores the command takes the first row, which is then the one with the lowest id.
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return (ids, vectors) if order == list(range(len(ids))) else ([ids[one] for one in order], vectors[order])


def rows_of(ids, column, id_column, vector):
    """The ids and the vectors, `[rows, numbers]`, of the rows that have a vector."""
    if ids.null_count:
        raise MinkeFailed(f"column {id_column}: a row without an id")
    if column.null_count:
        ids, column = ids.filter(column.is_valid()), column.drop_null()
    ids = ids.to_pylist()
    if len(ids) == 0:
        return ids, numpy.zeros((0, 0), "u1")
    is_binary = pyarrow.types.is_binary(column.type) or pyarrow.types.is_large_binary(column.type)
    lengths = (pyarrow.compute.binary_length if is_binary else pyarrow.compute.list_value_length)(column)
    limits = pyarrow.compute.min_max(lengths)
    if limits["min"] != limits["max"] or limits["min"].as_py() == 0:
        raise MinkeFailed(f"column {vector}: expected vectors of one length, found {limits['min']} to {limits['max']}")
    if is_binary:
        numbers = numpy.frombuffer(b"".join(column.to_pylist()), "u1")
    else:
        numbers = column.flatten()
        if numbers.null_count:
            raise MinkeFailed(f"column {vector}: a vector with a null in it")
        numbers = numbers.to_numpy()
    return ids, numbers.reshape(len(ids), -1)


def npy(array):
    """The bytes of an array in NumPy's format, piece by piece."""
    header = io.BytesIO()
    numpy.lib.format.write_array_header_1_0(header, numpy.lib.format.header_data_from_array_1_0(array))
    yield header.getvalue()
    yield memoryview(array).cast("B")


# What both ask of tables.

def quoted(column):
    return "`" + column.replace("`", "``") + "`"


def check_column(table, column):
    if column not in table.columns:
        raise MinkeFailed(f"column {column}: there is none; the columns are {', '.join(table.columns)}")


def check_id(table, column):
    kind = table.schema[column].dataType
    if not isinstance(kind, (types.StringType, types.LongType, types.IntegerType, types.ShortType, types.ByteType)):
        raise MinkeFailed(f"column {column}: expected strings or integers as ids, found {kind.simpleString()}")


def element_of(table, column):
    """What the vectors of a column are made of."""
    kind = table.schema[column].dataType
    for name, wanted in (("float", types.FloatType), ("int8", types.ByteType)):
        if isinstance(kind, types.ArrayType) and isinstance(kind.elementType, wanted):
            return name
    if isinstance(kind, types.BinaryType):
        return "bits"
    raise MinkeFailed(f"column {column}: expected array<float>, array<tinyint> or binary, found {kind.simpleString()}")


def threads_of(spark):
    """Threads of one process: the cores that Spark counts for a task."""
    return int(spark.sparkContext.getConf().get("spark.task.cpus", "1"))


# The command line.

def read(spark, path, format=None):
    """A table of Parquet or, by its name or by `format`, of JSON Lines, whose strings and integers the first 1000 lines show."""
    if format is None:
        format = "json" if re.search(r"\.(jsonl?|ndjson)(\.(gz|bz2|zst))?$", path.rstrip("/")) else "parquet"
    if format == "parquet":
        return spark.read.parquet(path)
    kinds = {}
    for row in spark.read.text(path).limit(1000).collect():
        try:
            members = json.loads(row.value).items() if row.value.strip() else ()
        except (ValueError, AttributeError):
            raise MinkeFailed(f"{path}: expected a JSON object a line, found {row.value[:60]!r}")
        for name, value in members:
            if isinstance(value, (str, int)):
                kinds.setdefault(name, types.StringType() if isinstance(value, str) else types.LongType())
    schema = types.StructType([types.StructField(name, kind) for name, kind in kinds.items()])
    return spark.read.schema(schema).option("mode", "FAILFAST").json(path)


def write(table, path):
    """Writes Parquet that appears whole or not at all; a task that failed and ran again has left nothing behind."""
    spark = table.sparkSession
    place = spark._jvm.org.apache.hadoop.fs.Path(path)
    system = place.getFileSystem(spark._jsc.hadoopConfiguration())
    if system.exists(place):
        raise MinkeFailed(f"{path}: exists already")
    try:
        table.write.parquet(path)
    except BaseException:
        # Spark takes back what the tasks wrote and leaves an empty folder.
        if system.exists(place) and not system.listStatus(place):
            system.delete(place, False)
        raise


def arguments(line):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name, help):
        found = commands.add_parser(name, help=help, description=help)
        found.add_argument("--output", required=True, help="a folder of Parquet to write, which does not exist yet")
        found.add_argument("--partitions", type=int, help="how many processes the work is cut into; by default as Spark reads it")
        found.add_argument("--input-format", choices=["parquet", "json"], help="by default json for names such as a.jsonl")
        found.add_argument("--id-column", default="id", help="strings or integers (default: id)")
        found.add_argument("--minke", default="minke", help="the command on the workers (default: minke, on their path)")
        return found

    one = command("encode", "Turns a column of texts into vectors.")
    one.add_argument("--input", required=True, help="Parquet or JSON Lines: files, folders or a pattern")
    one.add_argument("--text-column", default="text", help="(default: text)")
    one.add_argument("--model", help="as for minke encode; a folder is the path on the workers")
    one.add_argument("--format", choices=["float", "int8", "bits"], help="by default what the model gives: float, or bits")
    one.add_argument("--dimension", type=int, help="keep only the first numbers of each vector")
    one.add_argument("--role", choices=["query", "document"], help="for models with a prompt for each")
    one.add_argument("--precision", choices=["float32", "int8", "4bit"], help="of the layers of a model")
    two = command("neighbors", "Finds the nearest rows of --base for each row of --queries.")
    two.add_argument("--base", required=True, help="vectors that encode wrote")
    two.add_argument("--queries", required=True, help="the same, few enough for the memory of one worker")
    two.add_argument("-k", type=int, default=10, help="how many for each query (default: 10)")
    two.add_argument("--vector-column", help="by default vector, or else bits")
    two.add_argument("--metric", choices=["cosine", "dot", "hamming"],
                     help="by default hamming for bits and for binary storage, else cosine")
    two.add_argument("--storage", choices=["float32", "int8", "binary"], help="how minke knn compares; by default as they are")
    return parser.parse_args(line)


def main(line=None):
    options = arguments(line)
    spark = SparkSession.builder.appName(f"minke {options.command}").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")

    def table(path):
        found = read(spark, path, options.input_format)
        return found.repartition(options.partitions) if options.partitions else found

    try:
        if options.command == "encode":
            write(encode(
                table(options.input), options.text_column, options.id_column, options.model, options.format,
                options.dimension, options.role, options.precision, options.minke), options.output)
        else:
            write(neighbors(
                table(options.base), read(spark, options.queries, options.input_format), options.k, options.id_column,
                options.id_column, options.vector_column, options.metric, options.storage, options.minke), options.output)
    except MinkeFailed as error:
        sys.exit(f"minke_spark: {error}")
    except Exception as error:
        # What a task raised comes within the traces of Python and Java, an error of Spark's behind its class in brackets.
        text = str(error)
        found = (re.findall(r"MinkeFailed: (.*?)(?=\n\s*(?:\n|at |\tat )|$)", text, re.DOTALL)
                 or re.findall(r"\[[A-Z][A-Z_.]+\] [^\n]*", text) or [text.strip().splitlines()[0]])
        sys.exit(f"minke_spark: {found[-1]}")


if __name__ == "__main__":
    try:
        main()
    finally:
        if session := SparkSession.getActiveSession():
            session.stop()
