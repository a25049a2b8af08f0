"""Floor 4. From conversations and their verdicts to what a trainer takes: rewards, credit, preference pairs, exported rows.

Owns: reward composition, rewards of a reply by what it leads to, advantages of turns, pairs from branches, export formats.
Does not own: training loops (trainers take the exported rows), judging, playing.
"""
