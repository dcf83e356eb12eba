def pump(peer, log):
    try:
        peer.run()
    except Exception:
        log.exception("the peer failed")
