"""What runs in the embedded broker's process: start, announce one JSON line, live until standard input closes."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

import confluent_kafka.cimpl as extension

_PRODUCER = 0
_ERROR_TEXT_BYTES = 512


def _librdkafka() -> ctypes.CDLL:
    """The library that the extension module brought with it, with the few functions we call declared."""
    library = ctypes.CDLL(extension.__file__)
    pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
    for name, result, arguments in (
        ("rd_kafka_conf_new", pointer, []),
        ("rd_kafka_conf_set", number, [pointer, text, text, text, ctypes.c_size_t]),
        ("rd_kafka_new", pointer, [number, pointer, text, ctypes.c_size_t]),
        ("rd_kafka_mock_cluster_new", pointer, [pointer, number]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [pointer, ctypes.c_int32]),
        ("rd_kafka_mock_topic_create", number, [pointer, text, number, number]),
        ("rd_kafka_mock_cluster_bootstraps", text, [pointer]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _start(topics: dict[str, int]) -> str:
    library = _librdkafka()
    complaint = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
    settings = library.rd_kafka_conf_new()
    # The handle is never connected to anything; at its usual level it would complain about that.
    library.rd_kafka_conf_set(settings, b"log_level", b"3", complaint, _ERROR_TEXT_BYTES)
    handle = library.rd_kafka_new(_PRODUCER, settings, complaint, _ERROR_TEXT_BYTES)
    if not handle:
        sys.exit(f"librdkafka: {complaint.value.decode()}")
    cluster = library.rd_kafka_mock_cluster_new(handle, 1)
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    for name, partitions in topics.items():
        code = library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1)
        if code != 0:
            sys.exit(f"librdkafka: topic {name} cannot be created (error {code})")
    bootstrap: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
    return bootstrap.decode()


def main() -> None:
    """Run until whoever started us closes our standard input, which its death does too."""
    for word in (signal.SIGINT, signal.SIGTERM):
        signal.signal(word, signal.SIG_IGN)  # the starter decides the order of the end
    try:
        sys.stdout.write(json.dumps({"bootstrap": _start(json.loads(sys.argv[1]))}) + "\n")
        sys.stdout.flush()
        sys.stdin.buffer.read()
    except BrokenPipeError:
        pass  # whoever started us was ended before they could hear of it
    os._exit(0)  # librdkafka's threads would make an ordinary exit wait


if __name__ == "__main__":
    main()
