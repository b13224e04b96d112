"""Measure how fast `vae_lib.training.train` is, beside other ways to train the same model.

python -m bench                      all, in a few minutes
python -m bench --only train keras   only these

All that is compared takes turns in one run, since a machine's speed changes from minute to
minute. The results go to bench/results.json.
"""

import datetime
import json
import os
import sys
import tempfile
from pathlib import Path

from bench import machine, report
from bench.driver import XLA_FLAGS, BenchError
from bench.measure import measure
from bench.options import parse
from bench.summary import summarize
from vae_lib.support.files import write_text


def main(arguments: list[str]) -> int:
    """Measure, print and write; speed is reported, only an error is a failure."""
    options = parse(arguments)
    try:
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(options, Path(folder))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped: no results were written.", file=sys.stderr)
        return 130
    results = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "xla_flags": os.environ.get("XLA_FLAGS", XLA_FLAGS),
        **measured,
    }
    results["settings"].update(images=options.images, only=list(options.only))
    results["summary"] = summarize(results)
    report.show(results)
    write_text(options.out, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
