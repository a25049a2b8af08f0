"""Stress tests and defences, on harmless stand-ins: a made-up secret, a house rule."""
