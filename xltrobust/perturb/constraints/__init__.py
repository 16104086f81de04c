"""Constraints: each refuses some sets of edits."""
