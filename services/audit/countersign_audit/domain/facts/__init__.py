"""What each kind of event contributes to its leaf."""
