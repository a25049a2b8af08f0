"""Text from models and files is hostile: it must not act as markup, as a terminal command, or reorder what is around it."""

from __future__ import annotations

import html
import re

# Everything that is not shown but does something: C0 and C1 controls (tab and line feed stay), soft hyphen,
# zero-width space, direction marks, overrides and isolates, line and paragraph separators, invisible operators,
# byte order mark, interlinear marks, lone surrogates, tag characters. ZWJ and ZWNJ stay: emoji and several scripts need them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def _name(match: re.Match[str]) -> str:
    return f"‹U+{ord(match.group()):04X}›"


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n")


def visible(text: str) -> str:
    """The text with every invisible character written out as ``‹U+202E›``; tabs and line feeds stay."""
    return _INVISIBLE.sub(_name, _newlines(text))


def one_line(text: str, limit: int = 80) -> str:
    """The text on one line of at most ``limit`` characters, invisible characters written out."""
    line = " ".join(visible(text[: 4 * limit]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def attribute(text: object) -> str:
    """Escaped for a double-quoted HTML attribute or for text where no markup is wanted."""
    return html.escape(visible(str(text)), quote=True)


def markup(text: str, limit: int | None = None) -> tuple[str, int]:
    """The text as escaped HTML with invisible characters marked, and how many characters beyond ``limit`` were cut."""
    text = _newlines(text)
    cut = 0 if limit is None else max(0, len(text) - limit)
    shown = text if not cut else text[:limit]
    pieces, start = [], 0
    for match in _INVISIBLE.finditer(shown):
        pieces += [html.escape(shown[start : match.start()]), f'<span class="ctl">U+{ord(match.group()):04X}</span>']
        start = match.end()
    pieces.append(html.escape(shown[start:]))
    return "".join(pieces), cut


def plain_ascii(text: str) -> str:
    """The text for a terminal that cannot show more than ASCII."""
    table = str.maketrans({"−": "-", "–": "-", "…": "...", "·": "|", "×": "x", "‹": "<", "›": ">", "≥": ">=", "≤": "<="})
    return text.translate(table).encode("ascii", "replace").decode("ascii")
