"""``python -m memstat``."""

import sys

from memstat.cli.interrupt import restore_default_sigint


def main() -> None:
    """Run the command line and exit with its status."""
    restore_default_sigint()
    from memstat.cli.root import run_command_line  # noqa: PLC0415 - Ctrl+C during imports

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
