def pump(peer, log, metrics, closing):
    try:
        peer.run()
    except Exception:
        if closing:
            return
        log.exception("the peer failed")
        metrics.failed()
