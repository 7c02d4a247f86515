"""``python -m memstat``."""

import sys

from memstat.cli.interrupt import restore_default_sigint
from memstat.proc.environment import name_process


def main() -> None:
    """Run the command line and exit with its status."""
    restore_default_sigint()
    name_process()
    try:
        from memstat.cli.root import run_command_line  # noqa: PLC0415 - Ctrl+C during imports
    except (ImportError, MemoryError, OSError) as error:
        # No descriptor or no memory was left for its own modules.
        sys.stderr.write(f"memstat: cannot start: {error or 'out of memory'}\n")
        sys.exit(125 if sys.argv[1:2] == ["run"] else 1)
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
