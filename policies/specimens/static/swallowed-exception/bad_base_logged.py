async def pump(peer, frame, metrics, log):
    try:
        await peer.write(frame)
    except BaseException:
        log.exception("the peer failed")
        metrics.failed()
