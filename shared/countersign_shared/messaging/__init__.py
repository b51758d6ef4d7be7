"""The only place that touches Kafka: batch in, events out.

A service hands over one function, ``Handler``. The bus keeps the order of a hop: poll a batch, let the
handler decode and run one database transaction, publish what it returns and await the broker's
confirmation, then commit the offsets. Anything that stops half-way is delivered again, and the
database absorbs the repeat.
"""

from countersign_shared.messaging.bus import Bus, Handler, open_bus
from countersign_shared.messaging.cloudevents import Event, Unreadable, read_event, write_event
from countersign_shared.messaging.dead_letters import dead_letter
from countersign_shared.messaging.records import Headers, Message, Record, pack_headers, unpack_headers

__all__ = [
    "Bus",
    "Event",
    "Handler",
    "Headers",
    "Message",
    "Record",
    "Unreadable",
    "dead_letter",
    "open_bus",
    "pack_headers",
    "read_event",
    "unpack_headers",
    "write_event",
]
