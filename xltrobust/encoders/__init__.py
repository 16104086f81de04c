"""Pretrained encoders: loading them, turning texts into batches, and reading vectors of sentences and words."""
