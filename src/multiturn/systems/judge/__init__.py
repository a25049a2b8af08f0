"""Judges that are themselves judged, and benchmarks that are made of judging."""
