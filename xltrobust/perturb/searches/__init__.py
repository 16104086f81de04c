"""Searches: each picks edits by asking the victim."""
