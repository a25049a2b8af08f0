"""Shared fixtures. Real data is read where it lies, never copied."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples every time; HYPOTHESIS_PROFILE=default looks for new ones.
settings.register_profile("fixed", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder of real data samples (`MULTITURN_DATA`, by default ../shared/data beside the repository)."""
    path = Path(os.environ.get("MULTITURN_DATA") or ROOT.parent / "shared" / "data").resolve()
    if not path.is_dir():
        pytest.skip(f"no data folder at {path}; set MULTITURN_DATA")
    return path
