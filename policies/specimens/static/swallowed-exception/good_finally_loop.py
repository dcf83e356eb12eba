def close(peers):
    try:
        peers.run()
    finally:
        for peer in peers:
            if peer.closed:
                continue
            peer.close()
            break
