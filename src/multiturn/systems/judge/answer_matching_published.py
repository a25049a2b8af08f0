"""The published figures of answer-matching."""

from __future__ import annotations

from ...protocols.benchmark import Published

_NOTEBOOK = "released notebook, 1,002 answers to MMLU-Pro"
_AGREEMENT = {"human": (0.901, None), "qwen2.5-72b": (0.873, 0.884), "deepseek-v3": (0.861, 0.888),
              "llama-4-scout": (0.873, 0.886), "qwen2.5-7b": (0.848, 0.846), "llama-3-8b": (0.770, 0.770),
              "multiple choice": (0.742, 0.746)}  # fmt: skip
_CHOICES = {"TruthfulQA v2": 0.83, "MMLU": 0.36, "MMLU-Pro": 0.35, "YourBench-MMLU": 0.61, "GPQA": 0.28, "SuperGPQA": 0.27,
            "HellaSwag": 0.872, "GoldenSwag": 0.937}  # fmt: skip
PUBLISHED = (
    *(
        Published(name, value, "correct", "plain", group, _NOTEBOOK)
        for name, values in _AGREEMENT.items()
        for group, value in zip(("annotator 1", "annotator 2"), values, strict=True)
        if value is not None
    ),
    *(Published("trained classifier", v, "accuracy", "choices-only", name, "README") for name, v in _CHOICES.items()),
    *(
        Published("one model", value, "accuracy", setting, "MMLU-Pro", "plotted constants")
        for setting, value in (("mcq", 0.653), ("choices-only", 0.256), ("verify", 0.471))
    ),
)  # fmt: skip
