def pump(peer, log, metrics):
    try:
        peer.run()
    except Exception as error:
        log.error("the peer failed", error=str(error))
        metrics.failed()
