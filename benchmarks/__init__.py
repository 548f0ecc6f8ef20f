"""Every performance claim of the project, reproducible: `make bench`. Ratios and counts, measured side by side."""
