"""`python -m survey` and the command `hailong`."""

from __future__ import annotations

from survey.cli.main import hailong


def main() -> None:
    hailong()


if __name__ == "__main__":
    main()
