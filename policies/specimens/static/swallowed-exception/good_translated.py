class StoreError(Exception):
    pass


def commit(store, batch):
    try:
        store.write(batch)
    except Exception as error:
        raise StoreError("the batch was not written") from error
