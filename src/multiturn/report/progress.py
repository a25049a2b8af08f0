"""Progress on standard error: a live line on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import asyncio
import sys

from ..engine.run import Progress

LIVE, PLAIN = 0.25, 15.0  # seconds between two lines


async def watch(progress: Progress, quiet: bool) -> None:
    """Show the counters until cancelled."""
    if quiet:
        return
    if not sys.stderr.isatty():
        while True:
            await asyncio.sleep(PLAIN)
            print(line(progress), file=sys.stderr, flush=True)
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(Text(line(progress)), console=Console(stderr=True), transient=True, auto_refresh=False) as live:
        while True:
            await asyncio.sleep(LIVE)
            live.update(Text(line(progress)), refresh=True)


def line(progress: Progress) -> str:
    """One line: episodes, calls, rate, time to go, cost."""
    c = progress.counts
    share = progress.done / progress.total if progress.total else 1.0
    bar = "█" * int(20 * share) + "░" * (20 - int(20 * share))
    parts = [f"{bar} {progress.done}/{progress.total} conversations", f"{c.made} calls"]
    if c.recorded:
        parts.append(f"{c.recorded} from the store")
    if c.failed:
        parts.append(f"{c.failed} failed")
    if progress.seconds > 1:
        parts.append(f"{c.made / progress.seconds:.1f}/s")
    if progress.remaining is not None and progress.done < progress.total:
        parts.append(f"{_clock(progress.remaining)} to go")
    if c.cost:
        parts.append(f"${c.cost:.2f}")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
