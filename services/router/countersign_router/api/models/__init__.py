"""What the router's HTTP API takes and gives."""
