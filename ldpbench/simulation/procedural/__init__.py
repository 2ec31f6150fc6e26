"""Sharp pictures with depth, drawn from a seed: small still lifes of polygons and ellipses on a slanted plane."""
