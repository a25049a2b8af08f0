"""The page in a real browser: it renders without errors, asks nothing of the network, and hostile text does not run.

Skipped where no Chromium is installed. The browser is driven over its own debugging protocol.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from multiturn.conversation import Conversation
from multiturn.measures.verdict import Verdict
from multiturn.report.html import write_html
from multiturn.report.result import ConversationView
from test_report_result import MODEL, SYSTEM, sample, sample_views

BROWSER = next((p for name in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(name))), None)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-dev-shm-usage", "--disable-extensions", "--disable-default-apps",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--remote-debugging-port=0",
)  # fmt: skip
HOSTILE = [
    "</script><script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\"><img src=https://pixel.invalid/a.png>",
    "</textarea></div></details><style>body{display:none}</style><iframe src=https://frame.invalid></iframe>",
    "\u202etxt.exe\u202c \x1b[31mred\x07 \x00 \ud800 \u200b",
    "<svg onload=\"document.title='ran'\"><a href=\"javascript:document.title='ran'\">x</a>",
]
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


class Page:
    """One tab: sends commands, keeps every event."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket, self.events = socket, list[dict[str, Any]]()
        self._ids = itertools.count(1)

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._ids)
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = await self.socket.receive_json(timeout=60)
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self.events.append(message)

    async def open(self, address: str) -> None:
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.send(f"{domain}.enable")
        await self.send("Page.navigate", url=address)
        for _ in range(1000):
            if await self.value("document.readyState + location.protocol") == "completefile:":
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(f"{address} did not load")

    async def value(self, script: str) -> Any:
        found = await self.send("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    def of(self, *methods: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["method"] in methods]


def in_browser(folder: Path, use: Callable[[Page], Awaitable[None]]) -> None:
    """Run ``use`` with a fresh tab of a fresh browser whose profile lies in ``folder``."""

    async def session() -> None:
        profile = folder / "profile"
        command = [BROWSER or "", *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        environment = {**os.environ, "HOME": str(folder)}
        quiet = asyncio.subprocess.DEVNULL
        browser = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet, env=environment)
        try:
            port_file = profile / "DevToolsActivePort"
            for _ in range(600):
                if port_file.exists() and port_file.read_text().count("\n"):
                    break
                await asyncio.sleep(0.1)
            port = port_file.read_text().split("\n")[0]
            async with aiohttp.ClientSession() as http:
                async with http.get(f"http://127.0.0.1:{port}/json/list") as reply:
                    tab = next(t for t in await reply.json() if t["type"] == "page")
                async with http.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                    await use(Page(socket))
        finally:
            browser.terminate()
            await asyncio.wait_for(browser.wait(), 30)

    asyncio.run(session())


def hostile_view() -> ConversationView:
    chat = Conversation.start(system=HOSTILE[0])
    verdicts = []
    for turn, text in enumerate(HOSTILE, 1):
        chat = chat.user(text, author=HOSTILE[1]).assistant(text)
        verdicts.append(Verdict("accuracy", 0.0, turn=turn, reason=text))
    verdicts.append(Verdict(HOSTILE[1], None, cause=HOSTILE[4]))
    return ConversationView(system=SYSTEM, model=MODEL, case=HOSTILE[0], group=HOSTILE[1], chat=chat, verdicts=verdicts,
                            stopped=HOSTILE[2])  # fmt: skip


def test_the_page_renders_is_quiet_and_nothing_hostile_runs(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_html(target, sample(unmeasured={HOSTILE[1]: 3}), [hostile_view(), *sample_views()])

    async def use(page: Page) -> None:
        await page.open(target.as_uri())
        await page.value("document.querySelectorAll('details').forEach((d) => { d.open = true })")
        assert await page.value("document.title") == "patterns – multiturn report"
        assert await page.value("document.body.offsetHeight") > 1000
        assert await page.value("document.querySelectorAll('iframe, img, body style, [onerror], [onload]').length") == 0
        assert await page.value("document.querySelectorAll('svg line.ci').length") > 10
        shown = await page.value("document.getElementById('chats').innerText")
        assert "onerror" in shown
        assert "U+202E" in shown

        # The script works under the page's own policy: sorting and filtering.
        first = "document.querySelector('#figures').parentElement.querySelector('tbody tr td:nth-child(6)').textContent"
        press = "document.querySelector('#figures').parentElement.querySelectorAll('th button')[5].click()"
        await page.value(press)
        lowest = await page.value(first)
        await page.value(press)
        assert lowest.startswith("−")
        assert await page.value(first) == "84.20"
        await page.value("document.getElementById('by-group').value = 'expansion'")
        await page.value("document.getElementById('filters').dispatchEvent(new Event('change'))")
        assert 0 < await page.value("document.querySelectorAll('.chat:not([hidden])').length") < 20

        # Narrow: nothing is wider than the window.
        await page.send("Emulation.setDeviceMetricsOverride", width=400, height=900, deviceScaleFactor=1, mobile=True)
        assert await page.value("document.documentElement.scrollWidth") <= 400

        asked = [e["params"]["request"]["url"] for e in page.of("Network.requestWillBeSent")]
        assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
        said = page.of("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        assert said == []

    in_browser(tmp_path, use)
