def pump(peer, log, counter):
    try:
        peer.run()
    except Exception:
        counter.inc()
        log.exception("the peer failed")
