"""``python -m countersign_router``."""

from countersign_shared.starting import start

if __name__ == "__main__":
    start("countersign_router")
