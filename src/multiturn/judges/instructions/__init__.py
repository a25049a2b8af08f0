"""Instructions that a program can check: the 25 types of IFEval, their multilingual variants, and MT-Eval's 14 rules."""

from .registry import INSTRUCTIONS, arguments, check, checker, follows, loosely, variants

__all__ = ["INSTRUCTIONS", "arguments", "check", "checker", "follows", "loosely", "variants"]
