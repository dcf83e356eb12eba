def commit(store, batch):
    try:
        store.write(batch)
    except BaseException:
        store.rollback()
        raise
