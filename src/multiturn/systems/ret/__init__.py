"""Systems about retrieval inside a conversation."""
