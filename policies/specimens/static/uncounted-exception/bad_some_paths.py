def pump(peer, log, metrics):
    try:
        peer.run()
    except Exception:
        log.exception("the peer failed")
        if peer.known:
            metrics.failed()
