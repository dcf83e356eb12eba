def commit(store, batch):
    try:
        store.write(batch)
        return True
    finally:
        return False
