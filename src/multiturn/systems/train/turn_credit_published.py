"""The paper's test table, as recalled."""

from __future__ import annotations

from ...protocols.benchmark import Published

PUBLISHED = tuple(
    Published(f"Qwen2.5-7B {method}", value, measure, "multi", None, "the paper's test table, recalled, not checked")
    for method, values in (("MT-GRPO", (0.2, 0.39, 0.501)), ("GRPO-MR", (0.2, 0.37, 0.335)), ("GRPO-OR", (0.0, 0.0, 0.0)))
    for measure, value in zip(("tool_execution", "search_has_answer", "exact_match"), values, strict=True)
)
