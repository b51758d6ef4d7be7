"""Event bodies at rest: a tenth of their size, given back byte for byte.

A body is a few kilobytes of JSON whose keys and turns of phrase stand in every other body too. A dictionary of those,
made from real events of all topics, lets Zstandard shrink a routed case from 8.9 kB to about 0.7 kB in some ten
microseconds, which PostgreSQL, its log and its caches would otherwise carry several times per case.

Every frame names its dictionary, so a better one was added beside the first and others may follow; each stays for ever.
"""

import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import zstandard

DICTIONARIES = tuple(Path(__file__).with_name(f"bodies-{number}.zdict") for number in (1, 2))
"""Oldest first; what is stored from now on is packed with the last."""
LEVEL = 1
"""Higher levels gain a few per cent with this dictionary and cost twice the time."""
MAX_BYTES = 2_000_000
"""No event is larger (the limit is 768 KiB); a frame that claims more is damaged."""
MAGIC = b"\x28\xb5\x2f\xfd"


class Bodies:
    """Packs and unpacks bodies; one for each thread that uses it."""

    def __init__(self) -> None:
        dictionaries = _dictionaries()
        newest = list(dictionaries.values())[-1]
        self._compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=newest, write_checksum=True)
        self._decompressors = {
            number: zstandard.ZstdDecompressor(dict_data=dictionary) for number, dictionary in dictionaries.items()
        }

    def pack(self, body: bytes) -> bytes:
        """Return the body as it is stored."""
        return self._compressor.compress(body)

    def unpack(self, stored: bytes) -> bytes:
        """Return the exact bytes that were packed; a damaged frame is a ``ValueError``."""
        if not stored.startswith(MAGIC):
            raise ValueError("not a packed body")
        try:
            number = zstandard.get_frame_parameters(stored).dict_id
            return self._decompressors[number].decompress(stored, max_output_size=MAX_BYTES)
        except KeyError:
            raise ValueError(f"a packed body is damaged, or of a later version: dictionary {number}") from None
        except zstandard.ZstdError as error:
            raise ValueError(f"a packed body is damaged: {error}") from error


def bodies() -> Bodies:
    """Return this thread's packer."""
    try:
        found: Bodies = _threads.bodies
    except AttributeError:
        found = _threads.bodies = Bodies()
    return found


_threads = threading.local()


@cache
def _dictionaries() -> Mapping[int, zstandard.ZstdCompressionDict]:
    """Return the dictionaries by the number that frames name them with, oldest first."""
    found = [zstandard.ZstdCompressionDict(path.read_bytes()) for path in DICTIONARIES]
    found[-1].precompute_compress(level=LEVEL)
    return {dictionary.dict_id(): dictionary for dictionary in found}
