"""A run's folder, checkpoints, loggers and provenance, and how it is stopped."""
