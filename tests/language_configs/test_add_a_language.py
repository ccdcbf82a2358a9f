from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from markdown_blocks import ROOT, blocks_of

from language_configs import languages


def test_the_documented_steps_add_a_language(tmp_path: Path) -> None:
    """The commands of the document, as they stand there, in an empty folder."""
    assert "kjh_Cyrl" not in languages()
    steps = [block.text for block in blocks_of(ROOT / "docs" / "languages.md") if "kjh" in block.text]
    assert len(steps) == 3
    programs = f'curate() {{ "{sys.executable}" -m curation.cli "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euc", programs + "".join(steps)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^length_factor +root +root.yml +1.0$", done.stdout, re.MULTILINE)
    assert re.search(r"^name +language kjh_Cyrl +\S+/my-languages/languages/kjh_Cyrl.yml +Khakas$", done.stdout, re.M)
    assert re.search(r"^labels.glotlid +rule +systems/glotlid.yml +kjh_Cyrl$", done.stdout, re.MULTILINE)
    assert done.stdout.endswith("the language files are sound\n")
