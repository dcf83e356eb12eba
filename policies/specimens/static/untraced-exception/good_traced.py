def pump(peer, log, metrics):
    try:
        peer.run()
    except Exception as error:
        log.warning("the peer failed: %s", error, exc_info=True)
        metrics.failed()
