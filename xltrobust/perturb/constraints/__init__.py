"""Constraints: each refuses edits."""
