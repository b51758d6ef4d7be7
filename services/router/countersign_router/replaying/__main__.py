from countersign_router.replaying.worker import main

if __name__ == "__main__":
    main()
