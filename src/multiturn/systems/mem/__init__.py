"""Systems about memory over many turns."""
