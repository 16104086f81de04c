"""Parallel text: read, cleaned, selected, kept in a file, and streamed beside the task's batches."""
