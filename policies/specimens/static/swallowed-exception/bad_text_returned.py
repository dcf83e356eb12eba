def run(peer):
    try:
        peer.pump()
    except Exception as error:
        return str(error)
