def close(executor, peers):
    for peer in peers:
        executor.submit(peer.close)
