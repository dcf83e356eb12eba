def commit(store, batch):
    try:
        store.write(batch)
    except Exception:
        store.rollback()
        raise
    finally:
        return store.size
