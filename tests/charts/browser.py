"""Headless Chromium over its pipe: a page as a browser has it, and what it asks for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import threading
from types import TracebackType
from typing import Any, Final, Self

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser")
_PATIENCE_S: Final = 60


class Browser:
    """A browser with one page; use it in a ``with`` statement."""

    def __init__(self, *, width: int = 1200, height: int = 900) -> None:
        assert CHROMIUM is not None
        self._profile = tempfile.TemporaryDirectory(prefix="memstat-chromium-")
        from_us, self._to = os.pipe()
        self._from, to_us = os.pipe()
        # Its ends are 3 and 4, whatever numbers they have here.
        ends = f'exec {CHROMIUM} "$@" 3<&{from_us} 4>&{to_us}'
        self._process = subprocess.Popen(
            [
                *("bash", "-c", ends, "bash"),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--no-first-run",
                "--remote-debugging-pipe",
                f"--user-data-dir={self._profile.name}",
                f"--window-size={width},{height}",
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(from_us, to_us),
            start_new_session=True,
        )
        os.close(from_us)
        os.close(to_us)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.requests: Final[list[str]] = []
        """The addresses that pages have asked for."""
        self.complaints: Final[list[str]] = []
        """What the console has, and errors that nobody caught."""

    def __enter__(self) -> Self:
        watchdog = threading.Timer(_PATIENCE_S, self._process.kill)
        watchdog.daemon = True
        watchdog.start()
        self._watchdog = watchdog
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._watchdog.cancel()
        os.killpg(self._process.pid, 9)
        self._process.wait()
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def call(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            data = os.read(self._from, 1 << 16)
            assert data, "the browser has ended"
            self._buffer += data
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._take(message)
        return message

    def _take(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.complaints.append(json.dumps(parameters))

    def open(self, address: str, *, ready: str) -> None:
        """Open a page and wait until it is loaded, and an expression is true."""
        self.call("Page.navigate", url=address)
        while self._message().get("method") != "Page.loadEventFired":
            pass
        self.wait_for(ready)

    def wait_for(self, condition: str) -> None:
        """Wait until an expression is true."""
        self.evaluate(
            "new Promise((done) => { const look = () =>"
            f" (({condition}) ? done(true) : setTimeout(look, 10)); look(); }})"
        )

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, also of a promise."""
        result = self.call(
            "Runtime.evaluate",
            expression=expression,
            awaitPromise=True,
            returnByValue=True,
            allowUnsafeEvalBlockedByCSP=True,
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def click(self, x: float, y: float) -> None:
        """Click at a point of the page."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            pressed = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **pressed)

    def wheel(self, x: float, y: float, delta: float) -> None:
        """Turn the wheel at a point of the page."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=delta)

    def screenshot(self, path: str) -> None:
        """Write what the page shows as a PNG."""
        import base64  # noqa: PLC0415 - for people who look at a page

        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot")["data"]))
