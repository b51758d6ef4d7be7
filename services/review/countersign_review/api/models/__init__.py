"""What the API says and takes; the console's client is generated from it."""
