"""Statistics of a study: contrasts between cells of runs, from one table of examples."""
