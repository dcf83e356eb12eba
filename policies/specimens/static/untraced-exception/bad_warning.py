def pump(peer, log, metrics):
    try:
        peer.run()
    except Exception as error:
        log.warning(f"the peer failed: {error}")
        metrics.failed()
