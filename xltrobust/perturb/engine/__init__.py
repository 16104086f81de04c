"""The engine: asks the questions of many examples' searches in common batches."""
