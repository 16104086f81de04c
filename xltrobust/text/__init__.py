"""Languages, scripts, words and dictionaries: what can be said about text without a model."""
