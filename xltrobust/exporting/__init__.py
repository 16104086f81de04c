"""A run's model in the layouts of other libraries, with a model card, and its way to the hub."""
