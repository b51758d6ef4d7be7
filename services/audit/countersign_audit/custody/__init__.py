"""What is kept outside the database: keys and anchors, and how a log goes on with them, or after a loss."""
