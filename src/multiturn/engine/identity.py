"""What makes a run the same run: content hashes of benchmarks, cases and casts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from ..conversation import Case
from ..models.base import Model
from ..players.base import Around
from ..protocols.benchmark import Benchmark

_encode = msgspec.json.Encoder(order="sorted", enc_hook=str).encode


def digest(*parts: Any) -> bytes:
    """16 bytes of these values (plain data, structs, bytes)."""
    return blake2b(b"\0".join(p if isinstance(p, bytes) else _encode(p) for p in parts), digest_size=16).digest()


_ROOMS = ("conversation", "models", "measures", "worlds", "players", "judges", "retrieval", "protocols", "engine", "systems")


@cache
def package_hash() -> str:
    """Hash of this package's own code, except for what only shows results. An upgrade or an edit makes episodes new; their
    recorded calls stay, so that playing them again costs nothing."""
    root = Path(__file__).resolve().parent.parent
    files = sorted(path for room in _ROOMS for path in (root / room).rglob("*.py"))
    return blake2b(b"".join(path.read_bytes() for path in files), digest_size=16).hexdigest()


def file_hash(*modules: str) -> str:
    """Hash of the files of these modules, as far as they are somebody else's."""
    paths = {str(getattr(sys.modules.get(name), "__file__", None) or "") for name in modules if name.partition(".")[0] != _OURS}
    return blake2b(b"".join(Path(p).read_bytes() for p in sorted(paths) if Path(p).is_file()), digest_size=16).hexdigest()


_OURS = __name__.partition(".")[0]


def benchmark_identity(benchmark: Benchmark) -> bytes:
    """16 bytes: slug, options, our code, and the files in which the benchmark's classes are written."""
    written = file_hash(*(base.__module__ for base in type(benchmark).__mro__ if base is not object))
    return digest(benchmark.slug, benchmark.options, package_hash(), written)


def cast_identity(roles: Mapping[str, Model], around: Sequence[Around]) -> bytes:
    """16 bytes that name who plays."""
    return digest(
        {role: model.identity.hex() for role, model in roles.items()}, [(a.name, file_hash(a.wrap.__module__)) for a in around]
    )


def episode_identity(benchmark: bytes, case: Case, setting: str, repeat: int, seed: int, cast: bytes) -> bytes:
    """16 bytes that name one episode: what is played, how, by whom."""
    return digest(benchmark, case, setting, repeat, seed, cast)
