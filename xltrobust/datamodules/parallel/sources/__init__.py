"""Sources of sentence pairs: one module for each layout."""
