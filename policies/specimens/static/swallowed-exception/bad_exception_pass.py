def pump(peers, frame):
    for peer in peers:
        try:
            peer.write(frame)
        except Exception:
            continue
