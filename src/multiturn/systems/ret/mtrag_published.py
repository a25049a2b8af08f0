"""MTRAG's published numbers."""

from __future__ import annotations

from collections.abc import Iterator

from ...protocols.benchmark import Published

_README = "README of github.com/IBM/mt-rag-benchmark, full corpora"
_NDCG_RECALL = {
    ("BM25", "lastturn"): (0.18, 0.20, 0.27), ("BM25", "rewrite"): (0.22, 0.25, 0.33),
    ("BGE-base 1.5", "lastturn"): (0.27, 0.30, 0.38), ("BGE-base 1.5", "rewrite"): (0.34, 0.37, 0.47),
    ("Elser", "lastturn"): (0.45, 0.49, 0.58), ("Elser", "rewrite"): (0.48, 0.52, 0.64),
}  # fmt: skip
_SUBSET = "recomputed from the released human-evaluation subset (159 tasks)"
_GENERATION = {
    "reference answers": (0.857, 0.949, 0.836), "llama-3.1-405b-instruct": (0.478, 0.751, 0.739), "gpt-4o": (0.457, 0.777, 0.756),
}  # fmt: skip


def _published() -> Iterator[Published]:
    for (model, form), values in _NDCG_RECALL.items():
        for measure, value in zip(("ndcg@5", "recall@5", "recall@10"), values, strict=True):
            yield Published(model, value, measure, form, None, _README)
    for model, values in _GENERATION.items():
        for measure, value in zip(("rb_alg", "rb_llm", "rl_f"), values, strict=True):
            yield Published(model, value, measure, "reference", None, _SUBSET)


PUBLISHED = tuple(_published())
