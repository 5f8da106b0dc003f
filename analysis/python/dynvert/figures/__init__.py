"""Figures of runs and stability maps. Each function returns a matplotlib figure, or None where the file does not hold it."""
