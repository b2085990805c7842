"""`python -m survey` and the command `hailong`."""

from __future__ import annotations

import os

from survey.cli.main import hailong


def main() -> None:
    # one thread: more give other last digits and, on small matrices, take longer
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    hailong()


if __name__ == "__main__":
    main()
