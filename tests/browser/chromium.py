"""A browser for tests: Chromium without a window, driven over a pair of pipes by its own DevTools protocol.

Pipes instead of a port: nobody else on this machine can drive it, and nothing has to be installed beside Chromium. The
protocol's methods and events: https://chromedevtools.github.io/devtools-protocol/. It reaches nothing but this machine:
every name but localhost is unknown to it.
"""

import base64
import fcntl
import itertools
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Chromium", "Tab", "chromium", "found"]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
PATIENCE = 60
"""Seconds for an answer; the machine may be busy."""
FREE = 10
"""File descriptors from here on are in nobody's way: Chromium wants its pipes at 3 and 4."""
LAUNCH = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


def found() -> str | None:
    """Where Chromium is, if it is installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Failed(Exception):
    """The browser refused a command, did not answer, or is gone."""


@dataclass
class Chromium:
    to: int
    of: int
    said: bytes = b""
    events: list[dict[str, Any]] = field(default_factory=list)
    """That nobody has waited for yet."""
    logged: list[dict[str, Any]] = field(default_factory=list)
    """What consoles said."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """What the command answers. Raises Failed."""
        number = next(self.numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        ends = time.monotonic() + PATIENCE
        while True:
            heard = self._next(ends - time.monotonic(), method)
            if heard.get("id") != number:
                self._note(heard)
            elif "error" in heard:
                raise Failed(f"{method}: {heard['error']['message']}")
            else:
                result: dict[str, Any] = heard["result"]
                return result

    def wait_for(self, event: str, session: str) -> dict[str, Any]:
        """The first such event since the last one that was waited for. Raises Failed."""
        ends = time.monotonic() + PATIENCE
        while True:
            for place, heard in enumerate(self.events):
                if heard.get("method") == event and heard.get("sessionId") == session:
                    del self.events[: place + 1]
                    return heard
            self._note(self._next(ends - time.monotonic(), event))

    def _note(self, heard: dict[str, Any]) -> None:
        (self.logged if heard.get("method") == "Log.entryAdded" else self.events).append(heard)

    def _next(self, within: float, what: str) -> dict[str, Any]:
        ends = time.monotonic() + within
        while b"\0" not in self.said:
            if not select.select([self.of], [], [], max(ends - time.monotonic(), 0))[0]:
                raise Failed(f"{what}: no answer within {PATIENCE} s")
            more = os.read(self.of, 1 << 20)
            if not more:
                raise Failed(f"{what}: Chromium is gone")
            self.said += more
        message, _, self.said = self.said.partition(b"\0")
        read: dict[str, Any] = json.loads(message)
        return read

    @contextmanager
    def tab(self, width: int = 1280, height: int = 900) -> Iterator["Tab"]:
        """A page of its own, with nothing in it yet, without anything that others left."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable", session)
        tab.resize(width, height)
        try:
            yield tab
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)


@dataclass
class Tab:
    browser: Chromium
    session: str

    def call(self, method: str, **params: object) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def resize(self, width: int, height: int = 900) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def prefer(self, scheme: str) -> None:
        """The owner's choice: `light` or `dark`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, address: str) -> None:
        """Wait until it is loaded."""
        self._loading(lambda: self.call("Page.navigate", url=address))

    def wait_until_loaded_again(self) -> None:
        """Wait until the page has loaded itself anew. Raises Failed."""
        self._loading(lambda: None)

    def show(self, html: str) -> None:
        """A page of this text, without any policy of content: what it can run, it runs."""
        self.open("about:blank")
        frame = self.call("Page.getFrameTree")["frameTree"]["frame"]["id"]
        self.call("Page.setDocumentContent", frameId=frame, html=html)
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")

    def evaluate(self, script: str) -> Any:
        """What it comes to, as JSON has it; a promise is waited for. Raises Failed."""
        done = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in done:
            raise Failed(json.dumps(done["exceptionDetails"])[:2000])
        return done["result"].get("value")

    def click(self, selector: str, number: int = 0) -> None:
        """Press the mouse in the middle of it, wherever it is, and wait for the page that this leads to."""
        place = self.evaluate(
            f"(() => {{ const it = document.querySelectorAll({json.dumps(selector)})[{number}]; if (!it) return null;"
            "it.scrollIntoView({block: 'center'}); const r = it.getClientRects()[0];"
            "return {x: r.x + r.width / 2, y: r.y + r.height / 2}; })()"
        )
        if place is None:
            raise Failed(f"there is no {selector} to click")
        self._loading(lambda: self._press(place))

    def _press(self, place: dict[str, float]) -> None:
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)

    def _loading(self, begin: Any) -> None:
        self.browser.events.clear()
        begin()
        self.browser.wait_for("Page.loadEventFired", self.session)

    def complaints(self) -> list[str]:
        """What the page's console says: a style or a script that its policy forbade, for one."""
        return [
            event["params"]["entry"]["text"] for event in self.browser.logged if event.get("sessionId") == self.session
        ]

    @property
    def text(self) -> str:
        """As somebody reads it."""
        read: str = self.evaluate("document.body.innerText")
        return read

    @property
    def address(self) -> str:
        read: str = self.evaluate("location.href")
        return read

    def picture(self, height: int | None = None) -> bytes:
        """PNG of the page as far down as that, or as a whole."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        done = self.call("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(done["data"])


@contextmanager
def chromium(folder: Path) -> Iterator[Chromium]:
    """One that begins anew, keeps what it writes in this folder, and ends with the block."""
    program = found()
    if program is None:
        raise Failed("no Chromium is installed")
    (their_in, our_out), (our_in, their_out) = (map(_high, os.pipe()) for _ in range(2))
    # Every variable that a proxy or an account might come from stays here.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    process = subprocess.Popen(  # noqa: S603 - an installed program
        [sys.executable, "-c", LAUNCH, str(their_in), str(their_out), program, *FLAGS, f"--user-data-dir={folder}"],
        pass_fds=(their_in, their_out),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_in)
    os.close(their_out)
    try:
        browser = Chromium(our_out, our_in)
        yield browser
        browser.call("Browser.close")
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait(PATIENCE)
        os.close(our_out)
        os.close(our_in)


def _high(descriptor: int) -> int:
    """The same pipe at a number that is in nobody's way."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, FREE)
    os.close(descriptor)
    return moved
