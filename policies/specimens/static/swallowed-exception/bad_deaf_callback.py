def ignore(error):
    return


def pump(peer):
    try:
        peer.run()
    except Exception as error:
        ignore(error)
