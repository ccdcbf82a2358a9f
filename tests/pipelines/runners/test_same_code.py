from __future__ import annotations

import pickle

import pytest

from curation.code import code_digest
from curation.errors import CurationError
from pipelines.beam import Read
from pipelines.runners.same_code import SameCodeDoFn


def test_a_step_works_beside_the_code_that_launched_it() -> None:
    step = pickle.loads(pickle.dumps(SameCodeDoFn()))
    assert step.code == code_digest()
    step.setup()


def test_a_worker_with_other_code_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    step = pickle.loads(pickle.dumps(SameCodeDoFn()))
    monkeypatch.setattr("pipelines.runners.same_code.code_digest", lambda: "f" * 64)
    with pytest.raises(CurationError, match="other code") as caught:
        step.setup()
    assert "f" * 16 in str(caught.value)
    assert code_digest()[:16] in str(caught.value)


def test_every_step_of_a_graph_looks() -> None:
    from apache_beam import DoFn

    import pipelines.beam as module
    import pipelines.beam_embedding as other

    found = (*vars(module).values(), *vars(other).values())
    steps = [each for each in found if isinstance(each, type) and issubclass(each, DoFn)]
    assert Read in steps
    assert all(issubclass(each, SameCodeDoFn) for each in steps)
