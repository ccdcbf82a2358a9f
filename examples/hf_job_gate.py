# /// script
# requires-python = ">=3.11"
# dependencies = ["ml-embed-curation[hub]"]
#
# [tool.hf-jobs]
# flavor = "cpu-upgrade"
# timeout = "2h"
# ///
"""The gate of one release in a job of Hugging Face, started by hand.

    hf jobs uv run --volume hf://datasets/ORG/NAME@v1.0.0:/release examples/hf_job_gate.py --repository ORG/NAME

The verdict is in the log, packed. With `--secrets HF_TOKEN` before the script and `--verdict-repo ORG/VERDICTS` behind
it, the verdict is committed to that dataset, too. `curate trigger ... --backend hf-jobs` starts the same code, waits
for it and unpacks the verdict; with `--watch`, a webhook starts it again for each version that is tagged later.
"""

from hub_upload.triggers.job import main

if __name__ == "__main__":
    main()
