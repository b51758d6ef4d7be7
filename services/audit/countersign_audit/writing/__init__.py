"""From records to durable entries: read, sealed, put in their place, signed; one writer, one transaction a batch."""
