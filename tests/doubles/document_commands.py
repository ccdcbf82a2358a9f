"""Which commands of the documents are run, page by page in one shell, and which are only read and checked, and why."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from documents_sandbox import CONFIG, LIGHT_CONFIG
from markdown_blocks import BLOCKS, Block

_SHELL = {"bash", "python"}


@dataclass(frozen=True, slots=True)
class Aside:
    """Commands of a page that are not run, but checked as far as they can be.

    Attributes:
        page: the page.
        pattern: what the commands match.
        reason: why they are not run.
    """

    page: str
    pattern: str
    reason: str


ASIDE = (
    Aside("CONTRIBUTING.md", r"make ", "runs all tests"),
    Aside("README.md", r"make ", "makes a release of 60,000 messages, or runs all tests"),
    Aside("README.md", r"curate run .* --launcher slurm", "a cluster; tests/pipelines/launch/test_slurm.py has one"),
    Aside("README.md", r"curate run .* --runner DataflowRunner", "a cloud; tests/pipelines/runners/test_dataflow.py"),
    Aside("README.md", r"curate run .* --workers 8", "docs/running.md has the same"),
    Aside("README.md", r"curate train ", "tests/curation/cli/test_train.py trains in the same way"),
    Aside("README.md", r"curate gate .* --baseline", "tests/hub_upload/test_references.py has the same of the Hub"),
    Aside("README.md", r"curate calibrate ", "docs/howto/add-a-language.md has the same"),
    Aside("README.md", r"curate eval-sets ", "docs/decontamination.md has the same"),
    Aside("docs/languages.md", r"curate calibrate ", "docs/howto/add-a-language.md has the same"),
    Aside("docs/decontamination.md", r"pip install", "tests/test_tutorial.py installs"),
    Aside("docs/decontamination.md", r"curate eval-sets .* --out", "downloads; test_evaluation_sets.py has it"),
    Aside("docs/publishing.md", r"pip install", "tests/test_tutorial.py installs"),
    Aside("docs/reference/cli.md", r"curate run .* --launcher slurm", "a cluster, as above"),
    Aside("docs/reference/cli.md", r"curate run .* --runner FlinkRunner", "a job server in Java, from Maven Central"),
    Aside(
        "docs/reference/cli.md", r"curate (publish|trigger) ", "docs/publishing.md and docs/triggers.md have the same"
    ),
    Aside("docs/running.md", r"curate run .* --launcher (slurm|ray)", "a cluster; tests/pipelines/launch has both"),
    Aside("docs/running.md", r"(sbatch|ray job submit) ", "a cluster; what it is to run is checked likewise"),
    Aside("docs/running.md", r"curate run .* --engine beam", "minutes; tests/pipelines/runners/test_portable.py, ..."),
    Aside("docs/running.md", r"python -m apache_beam", "tests/pipelines/runners/test_portable.py starts it"),
    Aside("docs/running.md", r"(pip|docker|gcloud) ", "a cloud; tests/deploy looks at the files"),
    Aside("docs/scale.md", r"python -m benchmarks", "an hour; tests/benchmarks runs them on little"),
    Aside(
        "docs/triggers.md",
        r"curate trigger .*--backend (hf-jobs|github)",
        "tests/hub_upload/triggers has both services",
    ),
)
# What a test of its own runs, since it looks at what comes of it: page, language, what the block holds, the test.
ELSEWHERE = (
    ("docs/deduplication.md", "python", "assert ", "tests/test_docs.py"),
    ("docs/export.md", "python", "# view: ", "tests/test_consumers.py"),
    ("docs/filters.md", "python", "assert ", "tests/test_docs.py"),
    ("docs/languages.md", "python", "assert ", "tests/test_docs.py"),
    ("docs/languages.md", "bash", "kjh", "tests/language_configs/test_add_a_language.py"),
    ("docs/mining.md", "python", "assert ", "tests/test_docs.py"),
    ("docs/publishing.md", "python", "super_squash_history", "tests/test_docs_commands.py"),
    ("docs/teachers.md", "python", "assert ", "tests/test_docs.py"),
    ("docs/tutorial.md", "bash", "", "tests/test_tutorial.py"),
)
# What c.yml is on a page, where it is not a config without a gate; that takes seconds in each run.
CONFIGS = {"README.md": CONFIG, "docs/publishing.md": CONFIG, "docs/howto/add-a-language.md": LIGHT_CONFIG}
# Programs that a reader has, and places to be filled in.
_PRELUDE = f"""\
set -euo pipefail
duckdb() {{ "{sys.executable}" -c 'import duckdb, sys; print(duckdb.sql(sys.argv[1]))' "$2"; }}
an_id() {{
    "{sys.executable}" -c 'import sys, pyarrow.dataset as d; print(d.dataset(sys.argv[1]).head(1)["id"][0])' "$1/ledger"
}}
"""


def runs_elsewhere(block: Block) -> str:
    """Return the test outside of the sessions that runs a block; empty if there is none."""
    found = (test for page, language, held, test in ELSEWHERE if _fits(block, page, language, held))
    return next(found, "")


def _fits(block: Block, page: str, language: str, held: str) -> bool:
    return (block.page, block.language) == (page, language) and held in block.text


def is_run(block: Block) -> bool:
    """Whether a block belongs to the session of its page."""
    return block.language in _SHELL and not runs_elsewhere(block)


def reasons(block: Block, command: str) -> list[str]:
    """Return why a command is not run; nothing if it is."""
    return [each.reason for each in ASIDE if each.page == block.page and re.match(rf" *{each.pattern}", command)]


def is_command(line: str) -> bool:
    """Whether a line is more than a remark."""
    return bool(line.strip()) and not line.lstrip().startswith("#")


CHECKED = [
    (block, line)
    for block in BLOCKS
    if block.language == "bash" and is_run(block)
    for line in block.commands
    if is_command(line) and reasons(block, line)
]
RUN = [block for block in BLOCKS if is_run(block)]
PAGES = sorted(
    {
        block.page
        for block in RUN
        if block.language == "python" or any(is_command(line) and not reasons(block, line) for line in block.commands)
    }
)


def script_of(page: str) -> str:
    """Return all that a page runs, as one script."""
    lines = [_PRELUDE]
    for block in (each for each in RUN if each.page == page):
        lines.append(f"echo '--- {block}'")
        if block.text.startswith("#!"):
            lines += ["cat > job.py <<'END_OF_BLOCK'", block.text + "END_OF_BLOCK"]
        elif block.language == "python":
            lines += ["python - <<'END_OF_BLOCK'", block.text + "END_OF_BLOCK"]
        elif any(reasons(block, line) for line in block.commands):
            lines += [line for line in block.commands if not reasons(block, line)]
        else:
            lines.append(block.text)
    return re.sub(r"\bexplain ID --run (\S+)", r'explain "$(an_id \1)" --run \1', "\n".join(lines))
