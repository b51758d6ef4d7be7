"""What is said of brokers that cannot be reached."""

from aiokafka.errors import KafkaConnectionError, KafkaError

from countersign_shared.errors import AwayError, ConfigurationError

CONNECTING = (KafkaError, TimeoutError, OSError, ValueError)
"""What the library raises where no connection can be made."""


def unreachable(bootstrap: str, error: BaseException) -> ConfigurationError:
    """Return what to raise about brokers that a client could not connect to."""
    if isinstance(error, ValueError) and not isinstance(error, OSError):
        return ConfigurationError(
            f"KAFKA_BOOTSTRAP_SERVERS is {bootstrap!r}: it is HOST:PORT, several of them separated by commas"
        )
    said = f"Kafka does not answer at {bootstrap}: {error!r}"
    passes = isinstance(error, KafkaConnectionError | TimeoutError | OSError) or getattr(error, "retriable", False)
    return AwayError(said) if passes else ConfigurationError(said)
