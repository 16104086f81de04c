"""Perturbations: each proposes single edits of a text."""
