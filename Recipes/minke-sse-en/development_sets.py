#!/usr/bin/env python3
"""Makes the sets that choose between models, so that no test set does: questions and beginnings, each to be found again
by its right answer or ending among all others.

Usage: Recipes/minke-sse-en/development_sets.py DATA OUT

DATA/lm holds piqa.jsonl, hellaswag.jsonl, arc_easy.jsonl and openbookqa.jsonl (context, choices, gold). OUT gets a folder in
BEIR's layout for each, for `minke eval retrieval OUT/*`.
"""
import json
import pathlib
import sys


def main():
    data, out = map(pathlib.Path, sys.argv[1:3])
    for name in ("piqa", "hellaswag", "arc_easy", "openbookqa"):
        folder = out / name
        (folder / "qrels").mkdir(parents=True, exist_ok=True)
        documents, queries, judged = {}, [], []
        for number, line in enumerate((data / "lm" / f"{name}.jsonl").open()):
            row = json.loads(line)
            if number >= 3000:
                break
            context = row["context"].removeprefix("Question: ").removesuffix("\nAnswer:")
            answer = row["choices"][row["gold"]].strip()
            queries.append({"_id": str(number), "text": context})
            judged.append((number, documents.setdefault(answer, len(documents))))
        with (folder / "corpus.jsonl").open("w") as file:
            for text, number in documents.items():
                file.write(json.dumps({"_id": str(number), "title": "", "text": text}) + "\n")
        with (folder / "queries.jsonl").open("w") as file:
            file.writelines(json.dumps(query) + "\n" for query in queries)
        with (folder / "qrels" / "test.tsv").open("w") as file:
            file.write("query-id\tcorpus-id\tscore\n")
            file.writelines(f"{query}\t{document}\t1\n" for query, document in judged)


if __name__ == "__main__":
    main()
