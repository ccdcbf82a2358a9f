"""What `tests/test_consumers.py` runs on a real release is parsed here, whatever the config says."""

from __future__ import annotations

import ast
import re

from test_release import config

from curation.release.snippets import loading, training


def test_snippets_are_code_for_a_split_that_is_there() -> None:
    codes = re.findall(
        r"```python\n(.*?)```", loading("amh_Ethi", "test", negatives=2) + training(config(), "test"), re.DOTALL
    )
    assert len(codes) == 4
    for code in codes:
        ast.parse(code)
        assert "test" in code
        assert "train-" not in code


def test_an_instruction_is_quoted() -> None:
    settings = config()
    source = settings.sources[0].model_copy(update={"instruction": "Найди | <b>```"})
    text = training(settings.model_copy(update={"sources": [source]}), "train")
    assert r"“Найди \| \<b\>\`\`\`”" in text
    assert "“" not in training(config(), "train")
