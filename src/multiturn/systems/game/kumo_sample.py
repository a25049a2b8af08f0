"""A small domain of our own in KUMO's form: why a coffee machine does not work. Tasks are sampled from it by a fixed seed."""

from __future__ import annotations

from ...worlds.kumo import Domain, Outcome, Outcomes, Task, sample_tasks

_W = {
    "no power": "Blown Fuse", "switch": "Broken Switch", "scale": "Limescale", "pump": "Worn Pump", "valve": "Stuck Valve",
    "heater": "Burnt Heater", "sensor": "Faulty Thermostat", "grind": "Dull Grinder", "seal": "Leaking Seal",
    "tank": "Empty Tank",
}  # fmt: skip


def _out(text: str) -> tuple[str, ...]:
    return tuple(_W[short] for short in _W if short in text.split("+"))


def _words(**states: str) -> Outcomes:
    """Outcomes from ``outcome="short names of what it rules out"``."""
    return Outcomes("str", tuple(Outcome(state.replace("_", " "), _out(text)) for state, text in states.items()))


def _range(*states: tuple[float, float, str]) -> Outcomes:
    return Outcomes("float", tuple(Outcome((a, b), _out(text)) for a, b, text in states))


DOMAIN = Domain(
    truths=tuple(_W.values()),
    actions=(
        "Look at the Lamp", "Listen to the Pump", "Measure the Water Temperature", "Weigh the Water Tank",
        "Taste the Coffee", "Look under the Machine", "Measure the Current", "Press the Steam Lever",
        "Count the Clicks", "Look at the Grounds", "Time the Flow",
    ),
    outcomes={
        "Look at the Lamp": _words(on="no power+switch", off="heater+grind", blinking="no power+scale"),
        "Listen to the Pump": _words(silent="scale+grind+seal", humming="no power+switch+pump", rattling="no power+heater"),
        "Measure the Water Temperature": _range(
            (10, 40, "scale+grind"), (40, 85, "no power+tank"), (85, 99, "heater+sensor+switch")
        ),
        "Weigh the Water Tank": _range((0, 200, "valve+grind"), (200, 1500, "tank")),
        "Taste the Coffee": _words(weak="valve+no power", bitter="grind+heater+tank", no_coffee="grind"),
        "Look under the Machine": _words(dry="seal", wet="tank+sensor"),
        "Measure the Current": _range((0, 0.1, "heater+pump+valve"), (0.1, 5, "no power+sensor"), (5, 9, "switch+heater+tank")),
        "Press the Steam Lever": _words(steam="heater+valve+no power", drips="switch", nothing="sensor+grind"),
        "Count the Clicks": _range((0, 1, "sensor+pump"), (2, 5, "switch+no power"), (6, 20, "tank")),
        "Look at the Grounds": _words(fine="grind+scale", coarse="pump", none="seal+valve"),
        "Time the Flow": _range((0, 10, "scale+pump"), (10, 30, "scale+valve+tank"), (30, 120, "grind+seal")),
    },
)  # fmt: skip


def tasks(count: int = 20, truths: int = 4, actions: int = 6) -> list[Task]:
    """The bundled tasks of this size."""
    return sample_tasks(DOMAIN, "coffee", truths, actions, count)
