def close(peers):
    failures = []
    for peer in peers:
        try:
            peer.close()
        except Exception as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup("peers failed", failures)
