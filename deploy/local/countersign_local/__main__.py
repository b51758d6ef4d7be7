"""``python -m countersign_local`` is `countersign`."""

from countersign_local.cli import main

if __name__ == "__main__":
    main()
