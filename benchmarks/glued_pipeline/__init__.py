"""The work of a whole run without mining and gate, as one writes it today from the libraries that there are.

    python -m benchmarks.glued_pipeline --inputs FOLDER --out FOLDER

`FOLDER` of the inputs is one that `benchmarks.corpus_of_pairs` writes. The steps are those of `curate run`:

| step | with |
|---|---|
| read | datatrove's `ParquetReader` |
| distinct ids, identify both sides, score and filter, mask | datatrove steps, one document at a time as it hands them |
| drop boilerplate, exact duplicates | pandas |
| near duplicates | datasketch `MinHash.generator` and `MinHashLSH`, each candidate verified by its sets of n-grams |
| group, split | union-find over equal and nearly equal texts |
| balance | numpy: shares by temperature, rows by hash |
| shards | `datasets` to Parquet by language and split, a manifest with sha256 |

It is written to be fast where that costs a user nothing: answers of the language model are kept for texts that come
again, sketches are made in batches with xxhash, one set of compiled patterns serves all rows. It leaves out what the
project does beyond: a ledger, resuming, any number of partitions, statistics and card.
`benchmarks/requirements.txt` says what it needs.
"""
