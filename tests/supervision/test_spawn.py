"""Starting commands: what cannot be started, and what a command is started in."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

import memstat
from tests.targets import python

pytestmark = pytest.mark.anyio


def script(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


async def failure(command: list[str], **options: object) -> memstat.SpawnError:
    with pytest.raises(memstat.SpawnError) as caught:
        async with memstat.supervise(command, **options):  # type: ignore[arg-type]
            pytest.fail("the block must not start")
    return caught.value


@pytest.mark.parametrize("name", ["no-such-command-anywhere", "/nowhere/at/all"])
async def test_a_missing_command(name: str) -> None:
    error = await failure([name])
    assert (error.exit_status, str(error)) == (127, f"{name}: command not found")


@pytest.mark.parametrize("command", [[], [""]])
async def test_an_empty_command(command: list[str]) -> None:
    error = await failure(command)
    assert (error.exit_status, str(error)) == (127, "the command is empty")


async def test_a_file_that_is_not_executable(tmp_path: Path) -> None:
    name = script(tmp_path / "data", "#!/bin/sh\n", mode=0o644)
    error = await failure([name])
    assert error.exit_status == 126
    assert str(error) == f"{name}: found, but not executable (Permission denied)"


async def test_a_directory(tmp_path: Path) -> None:
    error = await failure([str(tmp_path)])
    assert (error.exit_status, str(error)) == (126, f"{tmp_path}: is a directory")


async def test_a_path_below_a_file(tmp_path: Path) -> None:
    name = script(tmp_path / "file", "") + "/command"
    error = await failure([name])
    assert (error.exit_status, str(error)) == (127, f"{name}: Not a directory")


async def test_a_missing_interpreter(tmp_path: Path) -> None:
    name = script(tmp_path / "script", "#!/nowhere/interpreter\n")
    error = await failure([name])
    assert error.exit_status == 126
    assert str(error) == f"{name}: the interpreter in its first line is missing"


async def test_a_missing_working_directory(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    error = await failure(["true"], cwd=missing)
    assert (error.exit_status, str(error)) == (
        125,
        f"{missing}: cannot be started in: No such file or directory",
    )


@pytest.mark.parametrize("command", ["sleep 1; ls", b"ls", Path("/bin/ls")])
async def test_a_string_is_no_command(command: object) -> None:
    with pytest.raises(TypeError, match=r"a command is a list of arguments.*shlex\.split"):
        await memstat.run(command)  # type: ignore[arg-type]


async def test_a_path_may_stand_for_a_string() -> None:
    result = await memstat.run([Path("/bin/sh"), "-c", "exit 4"])
    assert (result.exit_status, result.command) == (4, ("/bin/sh", "-c", "exit 4"))


async def test_a_null_byte_in_an_argument() -> None:
    error = await failure(["true", "a\0b"])
    assert error.exit_status == 127
    assert "null byte" in str(error)


async def test_a_script_without_a_first_line_is_for_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = script(tmp_path / "plain", "test \"$1\" = 'a b' && exit 5\n")
    assert (await memstat.run([name, "a b"])).exit_status == 5
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (await memstat.run(["plain", "a b"])).exit_status == 5


async def test_a_script_is_looked_for_where_the_command_starts(tmp_path: Path) -> None:
    script(tmp_path / "plain", "exit 5\n")
    script(tmp_path / "orphaned", "#!/nowhere/interpreter\n")
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    for command, env in [("./plain", None), ("plain", path)]:
        async with memstat.supervise([command], cwd=tmp_path, env=env) as running:
            pass
        assert running.result.exit_status == 5
    assert (await failure(["./orphaned"], cwd=tmp_path)).exit_status == 126


async def test_streams_directory_and_environment_are_what_was_given(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("from stdin\n")
    command = ["sh", "-c", 'read line; echo "$line $GIVEN $PWD ${HOME-no home}"; echo err >&2']
    with (tmp_path / "in").open() as stdin, (tmp_path / "out").open("w") as stdout:
        async with memstat.supervise(
            command,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            cwd=tmp_path,
            env={"GIVEN": "value", "PATH": os.environ["PATH"]},
        ) as running:
            pass
    assert running.result.exit_status == 0
    assert (tmp_path / "out").read_text() == f"from stdin value {tmp_path} no home\nerr\n"


async def test_streams_are_inherited_unless_given(capfd: pytest.CaptureFixture[str]) -> None:
    async with memstat.supervise(["sh", "-c", "echo out; echo err >&2"]):
        pass
    assert capfd.readouterr() == ("out\n", "err\n")


async def test_descriptors_are_passed_on(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as out:
        command = [*python(f"import os; os.write({out.fileno()}, b'passed')")]
        async with memstat.supervise(command, pass_fds=[out.fileno()]) as running:
            pass
    assert running.result.exit_status == 0
    assert (tmp_path / "out").read_text() == "passed"


async def test_a_pipe_that_nothing_would_read_is_refused() -> None:
    with pytest.raises(ValueError, match="PIPE"):
        await memstat.run(["yes"], stdout=subprocess.PIPE)


async def test_run_drops_the_output_unless_asked_otherwise(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    await memstat.run(["echo", "dropped"])
    with (tmp_path / "out").open("w") as out:
        await memstat.run(["echo", "kept"], stdout=out)
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "out").read_text() == "kept\n"


async def test_a_broken_pipe_kills_the_command_as_always() -> None:
    # Python ignores SIGPIPE, and a child would inherit that.
    assert (await memstat.run(["sh", "-c", "kill -PIPE $$"])).signal == signal.SIGPIPE
