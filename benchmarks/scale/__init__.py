"""What runs of 60 million and a billion records take, told from rates that were measured on few.

    python -m benchmarks.scale.measure --data FOLDER --write pipelines/rates.json
    python -m benchmarks.scale --write docs/scale.md

`measure` runs the pipeline on two sizes of real text, and writes what each stage takes a record and a task. The
simulation cuts each stage of a run into tasks, draws how long each takes, gives them to cores in order, and lets all
wait where the engine does. `inputs.json` holds what is assumed and not measured: the machines, how the records are
shared out among languages, and how often a task fails.
"""
