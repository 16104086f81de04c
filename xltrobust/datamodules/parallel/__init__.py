"""Parallel text: reading, cleaning and selecting sentence pairs, and streaming them beside the task's batches."""
