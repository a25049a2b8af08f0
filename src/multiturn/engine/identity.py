"""What makes a run the same run: content hashes of benchmarks, cases and casts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from .. import __version__
from ..conversation import Case
from ..models.base import Model
from ..players.base import Around
from ..protocols.benchmark import Benchmark

_encode = msgspec.json.Encoder(order="sorted", enc_hook=str).encode


def digest(*parts: Any) -> bytes:
    """16 bytes of these values (plain data, structs, bytes)."""
    return blake2b(b"\0".join(p if isinstance(p, bytes) else _encode(p) for p in parts), digest_size=16).digest()


def source_hash(kind: Any) -> str:
    """Hash of the files in which a class and its bases (outside this package's shared rooms) are written: editing a
    benchmark makes its episodes new, while its recorded calls stay."""
    rooms = ("multiturn.protocols", "builtins")
    return file_hash(*(base.__module__ for base in kind.__mro__ if not base.__module__.startswith(rooms)))


def file_hash(*modules: str) -> str:
    """Hash of the files of these modules (those that have one)."""
    paths = {str(getattr(sys.modules.get(name), "__file__", None) or "") for name in modules}
    return blake2b(b"".join(Path(p).read_bytes() for p in sorted(paths) if Path(p).is_file()), digest_size=16).hexdigest()


def benchmark_identity(benchmark: Benchmark) -> bytes:
    """16 bytes: slug, options, source and package version."""
    return digest(benchmark.slug, benchmark.options, source_hash(type(benchmark)), __version__)


def cast_identity(roles: Mapping[str, Model], around: Sequence[Around]) -> bytes:
    """16 bytes that name who plays."""
    return digest(
        {role: model.identity.hex() for role, model in roles.items()}, [(a.name, file_hash(a.wrap.__module__)) for a in around]
    )


def episode_identity(benchmark: bytes, case: Case, setting: str, repeat: int, seed: int, cast: bytes) -> bytes:
    """16 bytes that name one episode: what is played, how, by whom."""
    return digest(benchmark, case, setting, repeat, seed, cast)
