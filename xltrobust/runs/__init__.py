"""A run's folder, checkpoints, loggers, and where its results come from."""
