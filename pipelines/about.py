"""What the README in the folder of a run says: what lies there, and what to do with it."""

from __future__ import annotations

from curation.config.model import RunConfig

_TEXT = """# {name} {version}, a run of `curate`

| here | what |
|---|---|
| release/ | the release: shards, manifest, card, statistics, verdict; safe to copy or publish on its own |
| report.html, report.json | the report, for people and for programs |
| alarms.md, alarms.json | only where a rule took too much of a language: which, with samples |
| ledger/ | one Parquet file a stage: every record that did not make it, with reason, score and threshold |
| plan.json | the inputs with their digests, the stages, and where each one's results lie |
| config.yml | the resolved config: every setting, defaults included |
| work/ | results of the stages, found again by what they were made from; safe to delete, at the cost of time |

What is missing here is not done yet, or was made elsewhere (`work` in plan.json). Next, in this folder:

    curate status --run .                    # how far it is
    curate verify release                    # every digest of the release
    curate explain ID --run .                # the path of one record; ids stand in release/full/ and in ledger/
    curate gate release                      # the verdict, once more
    curate train release --out model
    curate export release --view sentence-transformers --out export
    curate publish release --repo ORG/NAME --version v{version}
"""


def about_run(config: RunConfig) -> str:
    """Return the README of a run, the same for the same config."""
    return _TEXT.format(name=config.name, version=config.release.version)
