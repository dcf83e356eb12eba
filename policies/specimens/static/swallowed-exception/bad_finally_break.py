def pump(peers):
    while True:
        try:
            peers.run()
        finally:
            break
