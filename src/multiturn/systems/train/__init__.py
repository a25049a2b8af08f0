"""Family train: learning from multi-turn conversations."""
