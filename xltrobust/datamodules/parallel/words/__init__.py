"""Words of sentence pairs: alignment, word pairs, and lexicons induced from them."""
