"""Fetches the models that the environment variables MODELS and GLOTLID name, so that no worker has to."""

from __future__ import annotations

import os


def main() -> None:
    """Fetch them into the caches that the environment names.

    Raises:
        CurationError: if a name means nothing, or a model cannot be fetched.
    """
    from curation.langid.fetch import PUBLISHED, fetch
    from curation.mining.teachers.model_files import find_model

    if os.environ.get("GLOTLID"):
        fetch(PUBLISHED["glotlid"])
    for model in os.environ.get("MODELS", "").split():
        found = find_model(model, "MODELS", pickled_weights=False)
        if found.revision is not None:
            from huggingface_hub import snapshot_download

            snapshot_download(found.place, revision=found.revision)


if __name__ == "__main__":
    main()
