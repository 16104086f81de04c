"""Languages, scripts, words and dictionaries: what is known of text without any model."""
