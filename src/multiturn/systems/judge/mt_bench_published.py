"""MT-Bench's published numbers."""

from __future__ import annotations

from ...protocols.benchmark import Published

_QUOTED = "the paper, as quoted elsewhere (not checked against it)"

PUBLISHED = (
    *(Published(model, value, "score", "single", None, _QUOTED) for model, value in (
        ("gpt-4", 8.99), ("gpt-3.5-turbo", 7.94), ("claude-v1", 7.90), ("vicuna-13b", 6.39), ("llama-13b", 2.61),
    )),
    Published("gpt-4", 0.66, "agree", "human", None, f"{_QUOTED}; first turns"),
    Published("gpt-4", 0.85, "agree_decided", "human", None, f"{_QUOTED}; first turns"),
    Published("people", 0.63, "agree", "human", None, f"{_QUOTED}; first turns"),
    Published("people", 0.81, "agree_decided", "human", None, f"{_QUOTED}; first turns"),
    Published("gpt-4", 0.65, "consistent", "pairwise", None, _QUOTED),
)  # fmt: skip
