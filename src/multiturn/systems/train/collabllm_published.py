"""Table 1 of the paper, as recalled (not checked against the print): Llama-3.1-8B and what was trained from it."""

from __future__ import annotations

from ...protocols.benchmark import Published

_SOURCE = "Table 1, recalled, not checked"
_ROWS = (
    # model, setting, document: BLEU, thousand tokens, interactivity; math: accuracy, thousand tokens, interactivity
    ("Llama-3.1-8B-Instruct", "base", (32.2, 2.49, 46.0), (11.0, 3.40, 44.0)),
    ("Llama-3.1-8B-Instruct", "proactive", (35.0, 2.18, 62.0), (12.5, 2.90, 46.0)),
    ("CollabLLM SFT", "base", (35.2, 2.21, 68.0), (13.5, 2.88, 58.0)),
    ("CollabLLM PPO", "base", (38.5, 2.00, 78.0), (13.0, 2.59, 52.0)),
    ("CollabLLM offline DPO", "base", (36.4, 2.15, 82.0), (15.5, 2.40, 50.0)),
    ("CollabLLM online DPO", "base", (36.8, 2.00, 92.0), (16.5, 2.37, 60.0)),
)

PUBLISHED = tuple(
    Published(model, round(value / unit, 4), measure, setting, group, _SOURCE)
    for model, setting, document, math in _ROWS
    for group, values in (("document", document), ("math", math))
    for value, measure, unit in zip(values, ("task", "tokens", "interactivity"), (100, 1, 100), strict=True)
)
