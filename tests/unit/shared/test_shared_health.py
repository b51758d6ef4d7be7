"""What a service knows about its own well-being."""

from countersign_shared.observability import Health


def test_brokers_that_are_silent_are_no_poll_that_is_late() -> None:
    now = 100.0
    health = Health(monotonic=lambda: now)
    assert health.broker_silence_seconds() == 0.0
    health.answered(now)
    now = 190.0
    health.polled(now)

    assert health.broker_silence_seconds() == 90.0
    assert health.live()[0]  # a restart would not bring Kafka back
    health.consumer_stopped()
    assert health.broker_silence_seconds() == 0.0
