"""Real programs to measure. Each prints a line when it has reached the state to be measured."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass
class Target:
    """A running program, the leader of a process group of its own."""

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, *command: str, **options: Any) -> Target:
        """Start a command with pipes for stdin and stdout."""
        return cls(
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                **options,
            )
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        """Wait for the next line of its stdout."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the target ended with {self.process.wait()}"
        return line.decode().strip()

    def tell(self, line: str = "go") -> None:
        """Write a line to its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """Kill its process group and wait for it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except BrokenPipeError:
                    pass


def python(source: str) -> tuple[str, ...]:
    """Return the command that runs Python source, unbuffered."""
    return (sys.executable, "-u", "-c", source)


def compile_c(source: str, directory: Path) -> Path:
    """Compile C source into a program; once for equal sources."""
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    program = directory / f"program-{digest}"
    if not program.exists():
        subprocess.run(
            ["cc", "-O1", "-pthread", "-o", program, "-x", "c", "-"],
            input=source.encode(),
            check=True,
        )
    return program


def memstat(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the installed memstat command to its end."""
    return subprocess.run(
        [memstat_path(), *arguments],
        capture_output=options.pop("capture_output", True),
        text=True,
        timeout=60,
        check=False,
        **options,
    )


def memstat_path() -> str:
    """Return the path of the installed command."""
    return str(Path(sys.executable).with_name("memstat"))
