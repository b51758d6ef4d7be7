"""The log as a stranger's tools read it: C2SP tlog-tiles, proofs, and all entries as one stream."""

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from countersign_audit.api.parts import MAX_INDEX, PREFIX, Published, Purpose, Reader, Room, not_found, reader
from countersign_audit.domain.tiles import parse_tile_path
from countersign_audit.reading.published import PublishedLog
from countersign_audit.reading.room import EXPORTED
from countersign_audit.store import CheckpointRow
from countersign_shared.clock import rfc3339
from countersign_shared.http import Principal, Problem

FOR_EVER = "private, max-age=31536000, immutable"
"""Tiles never change. Private, because roles are checked here and nowhere else."""
WHO_ASKS = "Authorization, Cookie"
"""So that two people at one browser do not see what was kept for the other."""
NOT_KEPT = "no-store"
OCTETS = "application/octet-stream"
NOTE = "text/plain; charset=utf-8"

Index = Annotated[int, Query(ge=0, le=MAX_INDEX)]
Size = Annotated[int | None, Query(ge=1, le=MAX_INDEX, description="Of the log; unset: of the newest checkpoint.")]


class InclusionProof(BaseModel):
    """Hashes in hexadecimal that lead from an entry's own to the root of ``size`` entries, the neighbour's first."""

    index: int
    size: int
    leaf_hash: str
    proof: list[str]
    checkpoint: str | None = Field(description="The signed note over `size` entries, if that size was ever signed.")


class ConsistencyProof(BaseModel):
    """Hashes in hexadecimal which show that ``second`` entries begin with the same ``first`` (RFC 6962, 2.1.2)."""

    first: int
    second: int
    proof: list[str]
    checkpoint: str | None = Field(description="The signed note over `second` entries, if that size was ever signed.")


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["log"])
    _static(routes)
    _proofs(routes)
    _export(routes)
    return routes


def _static(routes: APIRouter) -> None:
    @routes.get(
        "/checkpoint",
        summary="The newest signed checkpoint",
        dependencies=[reader],
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}, "description": "A C2SP signed note."}},
    )
    async def get_checkpoint(published: Published) -> Response:
        """The note byte for byte: log name, size and root, signed. Keep it: it proves what the log said today."""
        row = await _newest(published)
        headers = {"Countersign-Signed-At": rfc3339(row.signed_at), "Cache-Control": NOT_KEPT}
        return Response(row.note, media_type=NOTE, headers=headers)

    @routes.get(
        "/tile/{path:path}",
        summary="A tile of hashes (`tile/L/N`), or a bundle of entries (`tile/entries/N`)",
        response_class=Response,
        responses={200: {"content": {OCTETS: {}}, "description": "As C2SP tlog-tiles lays it out."}},
    )
    async def get_tile(
        principal: Reader, room: Room, published: Published, path: str, purpose: Purpose = None
    ) -> Response:
        """Bundles hold every tenant's entries: for those who see all, and on the record of each tenant."""
        parsed = parse_tile_path(path)
        if parsed is None:
            raise not_found("tile", "A tile is tile/L/N or tile/entries/N, with .p/W when it is partial.")
        tile, entries = parsed
        if tile.end > (await _newest(published)).size:
            raise not_found("tile", "No checkpoint covers it yet.")
        if entries:
            _sees_all(principal)
            await room.leave_with(principal, "bundle", tile.end - tile.width, tile.end, purpose)
        content = await published.bundle(tile) if entries else await published.tile(tile)
        return Response(content, media_type=OCTETS, headers={"Cache-Control": FOR_EVER, "Vary": WHO_ASKS})


def _proofs(routes: APIRouter) -> None:
    @routes.get("/proof/inclusion", summary="Proof that the log holds an entry", dependencies=[reader])
    async def get_inclusion(published: Published, index: Index, size: Size = None) -> InclusionProof:
        """Prove one entry. Hashes alone say nothing about anybody, so this is not recorded."""
        found = await published.inclusion(index, size)
        if found is None:
            raise not_found("entry", f"No checkpoint covers entry {index} of a log of that size.")
        return InclusionProof(
            index=index, size=found.size, leaf_hash=found.leaf_hash.hex(), proof=[node.hex() for node in found.proof],
            checkpoint=_text(found.note),
        )  # fmt: skip

    @routes.get("/proof/consistency", summary="Proof that the log only grew", dependencies=[reader])
    async def get_consistency(
        published: Published, first: Annotated[int, Query(ge=1, le=MAX_INDEX)], second: Size = None
    ) -> ConsistencyProof:
        """Show that what was signed over `first` entries is still the beginning of the log."""
        found = await published.consistency(first, second)
        if found is None:
            raise not_found("size", f"No checkpoint covers a log that has these sizes: {first}, {second or 'newest'}.")
        return ConsistencyProof(
            first=first, second=found.size, proof=[node.hex() for node in found.proof], checkpoint=_text(found.note)
        )


def _export(routes: APIRouter) -> None:
    @routes.get(
        "/export",
        summary="All entries as one stream",
        response_class=StreamingResponse,
        responses={
            200: {"content": {OCTETS: {}}, "description": "Every bundle of `tile/entries`, one after the other."}
        },
    )
    async def get_export(
        principal: Reader,
        room: Room,
        published: Published,
        first: Index = 0,
        size: Size = None,
        purpose: Purpose = None,
    ) -> StreamingResponse:
        """What `countersign audit export` makes a directory of. Recorded as `audit.exported`, once for each tenant."""
        _sees_all(principal)
        size = await _signed(published, size)
        if first >= size:
            raise not_found("entry", f"A log of {size} entries ends with entry {size - 1}.")
        await room.leave_with(principal, "export", first, size, purpose, kind=EXPORTED)
        return StreamingResponse(published.entries(first, size), media_type=OCTETS, headers={"Cache-Control": NOT_KEPT})


async def _newest(published: PublishedLog) -> CheckpointRow:
    row = await published.checkpoint()
    if row is None:
        raise not_found("checkpoint", "The log has not begun.")
    return row


async def _signed(published: PublishedLog, size: int | None) -> int:
    """Return the size that is meant; one that nothing signed reaches is a 404."""
    newest = (await _newest(published)).size
    if size is not None and size > newest:
        raise not_found("size", f"{newest} entries are signed so far.")
    return size or newest


def _text(note: bytes | None) -> str | None:
    return note.decode() if note is not None else None


def _sees_all(principal: Principal) -> None:
    if "*" not in principal.tenants:
        raise Problem(403, "forbidden", "Not for one tenant", "Bundles hold the entries of every tenant.")
