"""Checking the log in its database against nothing but its verifier key."""
