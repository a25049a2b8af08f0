"""The published ratings of multi-elo, judge by judge."""

from __future__ import annotations

from ...protocols.benchmark import Published

RATED = {
    "Correct": (1091, 1162, 1482, 1320), "Correct + Short": (970, 1029, 1096, 1052),
    "One Minor Factual Error": (1074, 1137, 1415, 1265), "Several Minor Factual Errors": (1032, 1024, 1206, 1182),
    "Several Major Factual Errors": (1025, 892, 861, 979), "Several Major Factual Errors + Short": (937, 832, 710, 782),
    "Intermediate Learner": (1015, 1108, 771, 904),
}  # fmt: skip
JUDGES = ("crowd", "experts", "GPT-4", "Claude-1")
PUBLISHED = tuple(
    Published(judge, elo, "Elo, overall", "plain", variant, "arXiv:2307.03025, from secondary sources")
    for variant, row in RATED.items()
    for judge, elo in zip(JUDGES, row, strict=True)
)
