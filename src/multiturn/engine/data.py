"""Finding a benchmark's files: a path given, then the local cache, then the published home at a pinned revision."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ..conversation import DataError, InputError
from ..models.weights import cache_folder, download

_GIVE = "give the folder above `{}/` with --data DIR or MULTITURN_DATA"


class DataFolder:
    """Finds ``slug/name`` under ``root`` (``--data`` or ``MULTITURN_DATA``), in the cache, or at its home.

    ``used`` collects the sha256 of every file handed out: the data fingerprints of a run.
    """

    def __init__(self, root: str | os.PathLike[str] | None = None, offline: bool = False) -> None:
        given = root or os.environ.get("MULTITURN_DATA")
        self.root = Path(given) if given else None
        if self.root is not None and not self.root.is_dir():
            raise DataError(f"the data folder {self.root} is not there; give another with --data DIR or MULTITURN_DATA")
        self.offline = offline
        self.used: dict[str, str] = {}

    def path(self, slug: str, name: str, home: str = "", sha256: str = "") -> Path:
        """The file, wherever it is. Raises `DataError` saying where to get it."""
        for folder in (self.root, cache_folder() / "data"):
            if folder is not None and (found := folder / slug / name).is_file():
                return self._checked(found, slug, name, sha256)
        if home and not self.offline:
            headers = (
                {"Authorization": f"Bearer {token}"}
                if "huggingface.co" in home and (token := os.environ.get("HF_TOKEN"))
                else None
            )
            try:
                found = download(home, cache_folder() / "data" / slug / name, sha256, headers)
            except InputError as error:
                raise DataError(f"`{slug}` needs its file {name}: {error}; or {_GIVE.format(slug)}") from None
            return self._checked(found, slug, name, sha256)
        where = f"{self.root / slug / name}" if self.root else "no data folder is set"
        hint = f"download it from {home}" if home else "get it from its authors"
        raise DataError(f"`{slug}` needs its file {name} ({where}): {hint} and {_GIVE.format(slug)}")

    def _checked(self, path: Path, slug: str, name: str, sha256: str) -> Path:
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from None
        if sha256 and found != sha256:
            raise DataError(f"{path} is not the published file (sha256 {found[:12]}…, expected {sha256[:12]}…); fetch it again")
        self.used[f"{slug}/{name}"] = found
        return path
