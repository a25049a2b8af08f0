"""Floor 2. What a conversation was worth: verifiers in code, and judge models.

Owns: parsers of judge replies (`parse`), the call to a judge model (`ask`), verifiable instructions (`instructions`).
Does not own: which question a system asks its judge (systems/), aggregation (measures/), calibration of judges against
people (measures/).
"""
