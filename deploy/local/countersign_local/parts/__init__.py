"""PostgreSQL and Kafka brokers that need no installation, for local mode and for tests."""
