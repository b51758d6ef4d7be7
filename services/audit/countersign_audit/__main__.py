from countersign_audit.app import running
from countersign_audit.settings import Settings
from countersign_shared.runtime import main

if __name__ == "__main__":
    main(Settings, running)
