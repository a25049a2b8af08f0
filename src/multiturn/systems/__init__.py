"""Floor 5. The catalogue: one file a published system, in a folder per family.

Owns: what each system is. Does not own: anything that two systems share; that lies in the rooms below.
"""
