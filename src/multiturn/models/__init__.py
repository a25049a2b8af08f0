"""Floor 1. Whoever can be asked for a reply: one small file per provider behind one `Model`.

Owns: talking to models, retries, limits, prices, and the names by which models are chosen.
Does not own: conversations (floor 0), and what is asked when, recorded or budgeted (the engine).
"""

from .base import Model, Options, Reply, Tool, Usage
from .names import PROVIDERS, make_model
from .options import parse_name, parse_options

__all__ = ["PROVIDERS", "Model", "Options", "Reply", "Tool", "Usage", "make_model", "parse_name", "parse_options"]
