def pump(peer, log, metrics):
    try:
        peer.run()
    except ConnectionError as error:
        log.warning("the peer is gone: %s", error)
        metrics.gone()
