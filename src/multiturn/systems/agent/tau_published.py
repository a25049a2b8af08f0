"""tau-bench: figures of version 1's repository. They hold for its tasks, its user simulator and its prompts only."""

from __future__ import annotations

from ...protocols.benchmark import Published

_PASS = {
    ("airline", "gpt-4o, tool calling"): (0.420, 0.273, 0.220, 0.200),
    ("airline", "claude-3-5-sonnet-20241022, tool calling"): (0.460, 0.326, 0.263, 0.225),
    ("airline", "gpt-4o, act"): (0.365, 0.217, 0.160, 0.140),
    ("airline", "gpt-4o, react"): (0.325, 0.233, 0.185, 0.160),
    ("retail", "gpt-4o, tool calling"): (0.604, 0.491, 0.430, 0.383),
    ("retail", "claude-3-5-sonnet-20241022, tool calling"): (0.692, 0.576, 0.509, 0.462),
}


def published() -> tuple[Published, ...]:
    """pass^1 to pass^4 of the released runs."""
    return tuple(
        Published(model, value, f"reward pass^{k}", "multi", f"{domain}, version 1", "README of tau-bench")
        for (domain, model), values in _PASS.items()
        for k, value in enumerate(values, 1)
    )
