"""``python -m countersign_audit``."""

from countersign_shared.starting import start

if __name__ == "__main__":
    start("countersign_audit")
