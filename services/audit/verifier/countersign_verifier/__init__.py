"""Checks an exported audit log, or the proof of one case, against nothing but the log's verifier key.

Written from the published formats (C2SP tlog-tiles, tlog-checkpoint and signed-note, RFC 6962) and sharing no line with
the service that writes the log, so that a mistake in the one is not repeated by the other.
"""
