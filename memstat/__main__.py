"""``python -m memstat``."""

import sys


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        from memstat.cli.root import run_command_line  # noqa: PLC0415 - Ctrl+C during imports

        status = run_command_line()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
