"""The numbers of SimulatorArena, to compare with."""

from __future__ import annotations

from ...protocols.benchmark import Published

# Intermediate Spearman of interaction ratings and end outcome: math rho, math F1, document rho, document outcome.
SIMULATORS = {
    "zero-shot": (0.55, 0.646, 0.26, 0.73), "cot": (0.61, 0.609, 0.55, 0.70), "length": (0.66, 0.637, 0.71, 0.74),
    "knowledge": (0.70, 0.634, 0.61, 0.81), "writing": (0.62, 0.636, 0.58, 0.74), "interaction": (0.77, 0.666, 0.61, 0.79),
    "profile": (0.65, 0.640, 0.70, 0.81), "length-knowledge": (0.63, 0.660, 0.70, 0.79),
    "length-writing": (0.63, 0.655, 0.62, 0.61), "length-interaction": (0.75, 0.656, 0.64, 0.65),
    "length-profile": (0.74, 0.658, 0.64, 0.64),
}  # fmt: skip
"""By setting. Agreement with people, in the paper's figure; the outcome is macro F1 of correctness in mathematics, Spearman of
document ratings in writing."""

# Mean turns, interaction, % correct | mean turns, interaction, document.
_README = """
GPT-5: 7.7 8.89 90 | 7.7 9.08 8.96
Claude 3.7 Sonnet: 7.8 8.70 90 | 7.6 9.10 8.73
Claude 4.1 Opus: 10.2 8.71 82 | 6.4 9.10 8.90
GPT-4o: 7.9 8.84 76 | 7.0 9.02 8.59
Gemini 2.5 Pro: 13.0 8.36 48 | 6.3 9.02 8.66
Llama 3.1 8B: 10.8 6.48 46 | 8.8 8.82 7.53
Phi-3 Medium: 6.9 6.35 51 | 9.5 5.57 7.50
"""


def _rows() -> list[Published]:
    found = []
    for line in _README.strip().splitlines():
        model, _, numbers = line.partition(":")
        math, document = (list(map(float, half.split())) for half in numbers.split("|"))
        for measure, value, group, setting in (
            ("turns", math[0], "math", "interaction"), ("interaction", math[1], "math", "interaction"),
            ("correct", math[2] / 100, "math", "interaction"), ("turns", document[0], "document", "profile"),
            ("interaction", document[1], "document", "profile"), ("document", document[2], "document", "profile"),
        ):  # fmt: skip
            found.append(Published(model, value, measure, setting, group, "README; GPT-4o (math), Gemini 2.0 Flash (documents)"))
    return found


PUBLISHED = tuple(_rows())
