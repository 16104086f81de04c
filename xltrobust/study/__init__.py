"""Studies: grids of runs that differ by factors and seeds, made cell by cell, each an ordinary run of ``fit``."""
