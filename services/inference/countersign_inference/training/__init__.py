"""Making models: real data, training, evaluation, model cards. Nothing here is imported by a running service."""
