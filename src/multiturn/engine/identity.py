"""What makes a run the same run: content hashes of benchmarks, cases and casts."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from .. import __version__
from ..conversation import Case
from ..models.base import Model
from ..protocols.benchmark import Benchmark

_encode = msgspec.json.Encoder(order="sorted", enc_hook=str).encode


def digest(*parts: Any) -> bytes:
    """16 bytes of these values (plain data, structs, bytes)."""
    return blake2b(b"\0".join(p if isinstance(p, bytes) else _encode(p) for p in parts), digest_size=16).digest()


def source_hash(kind: Any) -> str:
    """Hash of the files in which a class and its bases (outside this package's shared rooms) are written: editing a
    benchmark makes its episodes new, while its recorded calls stay."""
    files = set()
    for base in kind.__mro__:
        module = sys.modules.get(base.__module__)
        path = getattr(module, "__file__", None) if module else None
        if path and base is not object and not base.__module__.startswith("multiturn.protocols"):
            files.add(inspect.getsourcefile(base) or path)
    return blake2b(b"".join(Path(f).read_bytes() for f in sorted(files) if Path(f).is_file()), digest_size=16).hexdigest()


def benchmark_identity(benchmark: Benchmark) -> bytes:
    """16 bytes: slug, options, source and package version."""
    return digest(benchmark.slug, benchmark.options, source_hash(type(benchmark)), __version__)


def episode_identity(benchmark: bytes, case: Case, setting: str, repeat: int, seed: int, roles: Mapping[str, Model]) -> bytes:
    """16 bytes that name one episode: what is played, how, by whom."""
    return digest(benchmark, case, setting, repeat, seed, {role: model.identity.hex() for role, model in roles.items()})
