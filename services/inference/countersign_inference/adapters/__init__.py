"""Ways to get a proposal; each answers the scorer port."""
