"""The numbers of the paper (arXiv 2505.06120v1), to compare with."""

from __future__ import annotations

from collections.abc import Iterator

from ...protocols.benchmark import Published
from .lost_figures import relative

TASKS = ("code", "database", "actions", "data2text", "math", "summary")

# Table 1: FULL, CONCAT, SHARDED of each model, tasks in the order of `TASKS`, in points ("-" = not run).
_TABLE_1 = """
Llama3.1-8B: 27.4 64.1 82.9 13.7 63.9 7.6 | 21.2 47.7 83.0 15.7 62.6 6.5 | 21.7 25.9 45.5 13.3 37.4 3.4
OLMo2: 18.8 54.8 56.1 17.2 80.0 - | 16.3 40.5 49.8 14.3 80.1 - | 14.4 22.4 13.8 9.0 46.3 -
Claude3-Haiku: 44.8 85.0 83.5 29.8 73.9 11.6 | 36.3 76.5 80.2 30.1 76.1 9.2 | 31.5 31.8 55.9 18.6 47.1 1.6
GPT-4o-mini: 75.9 89.3 94.1 35.9 88.1 14.9 | 66.7 90.7 92.2 31.2 88.0 12.5 | 50.3 40.2 52.4 19.8 58.7 7.2
Llama3.3-70B: 72.0 91.1 95.0 34.1 91.7 15.8 | 52.7 87.9 97.0 32.0 91.8 14.7 | 51.6 35.4 71.0 22.4 61.5 10.5
Phi-4: 53.2 87.6 82.7 23.9 89.2 - | 48.4 79.6 76.0 28.6 90.4 - | 39.1 33.1 34.1 23.2 52.5 -
Command-A: 72.0 91.9 98.5 27.7 94.5 24.3 | 61.6 86.1 98.4 33.2 91.9 21.3 | 44.9 33.6 72.0 27.9 66.0 4.9
Llama4-Scout: 73.9 92.7 98.0 35.2 96.3 13.7 | 60.3 81.5 98.3 28.2 92.9 13.7 | 46.4 27.1 69.9 26.1 67.0 12.3
o3: 86.4 92.0 89.8 40.2 81.6 30.7 | 87.2 83.3 91.5 39.4 80.0 30.4 | 53.0 35.4 60.2 21.7 63.1 26.5
Claude3.7-Sonnet: 78.0 93.9 95.4 45.6 85.4 29.3 | 76.2 81.5 96.0 53.3 87.2 28.9 | 65.6 34.9 33.3 35.1 70.0 23.6
DeepSeek-R1: 99.4 92.1 97.0 27.0 95.5 26.1 | 97.1 89.9 97.0 36.7 92.9 24.4 | 70.9 31.5 47.5 20.0 67.3 17.2
GPT-4o: 88.4 93.6 96.1 42.1 93.8 23.9 | 82.9 91.7 97.1 32.2 91.9 23.9 | 61.3 42.3 65.0 20.5 67.9 10.6
Gemini2.5-Flash: 97.0 96.3 88.4 51.2 90.6 29.1 | 92.5 95.5 89.2 51.9 88.4 29.4 | 68.3 51.3 42.6 31.0 66.1 26.1
GPT-4.1: 96.6 93.0 94.7 54.6 91.7 26.5 | 88.7 86.5 98.5 54.4 89.7 26.8 | 72.6 46.0 62.9 28.6 70.7 13.3
Gemini2.5-Pro: 97.4 97.3 97.8 54.8 90.2 31.2 | 95.7 94.9 98.1 56.9 89.3 31.8 | 68.1 43.8 36.3 46.2 64.3 24.9
"""

# Figure 6b: unreliability and aptitude in FULL, CONCAT, SHARDED, in points, over all tasks.
_FIGURE_6B = """
Llama3.1-8B: 49 65 | 50 63 | 56 59
OLMo2-13B: 47 67 | 45 63 | 48 50
Claude3-Haiku: 29 68 | 29 65 | 45 54
GPT-4o-mini: 20 75 | 22 73 | 49 62
Llama3.3-70B: 14 73 | 14 69 | 47 65
Phi-4: 39 81 | 48 82 | 63 70
Command-A: 17 76 | 20 74 | 44 62
Llama4-Scout: 13 74 | 15 69 | 48 65
o3: 21 79 | 25 80 | 50 68
Claude3.7-Sonnet: 21 80 | 23 80 | 48 66
DeepSeek-R1: 15 78 | 18 80 | 51 65
GPT-4o: 22 80 | 26 79 | 48 66
Gemini2.5-Flash: 19 82 | 22 83 | 55 74
GPT-4.1: 14 82 | 19 81 | 47 71
Gemini2.5-Pro: 13 83 | 15 83 | 50 71
"""

# Table 2: mean over code, database, math and actions, in points: FULL, CONCAT, SHARDED, RECAP, SNOWBALL.
_TABLE_2 = """
GPT-4o-mini: 86.8 84.4 50.4 66.5 61.8
GPT-4o: 93.0 90.9 59.1 76.6 65.3
"""
# Table 4: translation, BLEU.
_TABLE_4 = """
GPT-4o-mini: 41.7 43.4 42.1
GPT-4o: 35.9 38.5 40.9
"""
SETTINGS = ("full", "concat", "sharded")


def _lines(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    for line in text.strip().splitlines():
        model, _, cells = line.partition(": ")
        yield model, [part.split() for part in cells.split("|")]


def published() -> Iterator[Published]:
    """The paper's numbers, as fractions."""
    for model, parts in _lines(_TABLE_1):
        for setting, cells in zip(SETTINGS, parts, strict=True):
            for task, cell in zip(TASKS, cells, strict=True):
                if cell != "-":
                    yield Published(model, float(cell) / 100, "score", setting, task, "Table 1")
        tables = [{t: float(c) for t, c in zip(TASKS, cells, strict=True) if c != "-"} for cells in parts]
        for setting, table in zip(SETTINGS[1:], tables[1:], strict=True):
            yield Published(model, round(relative(table, tables[0]), 3), "score relative to full", setting, None, "Table 1")
    for model, parts in _lines(_FIGURE_6B):
        for setting, (spread, best) in zip(SETTINGS, parts, strict=True):
            yield Published(model, float(spread) / 100, "score unreliability", setting, None, "Figure 6b")
            yield Published(model, float(best) / 100, "score aptitude", setting, None, "Figure 6b")
    for model, (cells,) in _lines(_TABLE_2):
        for setting, cell in zip((*SETTINGS, "recap", "snowball"), cells, strict=True):
            yield Published(model, float(cell) / 100, "score", setting, None, "Table 2: mean of code, database, math, actions")
    for model, (cells,) in _lines(_TABLE_4):
        for setting, cell in zip(SETTINGS, cells, strict=True):
            yield Published(model, float(cell) / 100, "score", setting, "translation", "Table 4")
