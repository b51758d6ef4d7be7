from countersign_router.app import running
from countersign_router.settings import Settings
from countersign_shared.runtime import main

if __name__ == "__main__":
    main(Settings, running)
