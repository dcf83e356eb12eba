def close(executor, peers, forms):
    futures = [executor.submit(peer.close) for peer in peers]
    for future in futures:
        future.result()
    forms.submit()
