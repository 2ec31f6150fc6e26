"""One float64 per image and metric: definitions, the engine that runs them, and figures over a set."""
