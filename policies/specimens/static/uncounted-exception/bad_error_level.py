def pump(peer, log):
    try:
        peer.run()
    except Exception as error:
        log.error("the peer failed", exc_info=error)
