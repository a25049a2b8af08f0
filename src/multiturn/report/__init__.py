"""Floor 6. How results look: terminal, one HTML file, JSON, CSV, Parquet, JUnit XML, two runs compared.

Owns: the result object and its names, wording, layout, and making hostile text harmless.
Does not own: computing figures (measures/), reading them from a store (engine/), commands (cli/).
"""
