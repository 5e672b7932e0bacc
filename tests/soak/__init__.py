"""A soak: mixed traffic through two workers that are replaced and killed meanwhile, every event checked."""
