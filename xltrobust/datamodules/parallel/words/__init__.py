"""The words of sentence pairs: alignment, word pairs, and induced lexicons."""
