"""Planning, running and scoring: one run folder per method and dataset, one row per image as it goes."""
