"""Erasing a person: asked for here, done in every service, ended by destroying the keys."""
