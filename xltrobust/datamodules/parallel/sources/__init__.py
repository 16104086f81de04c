"""Where sentence pairs come from, one layout a file."""
