def visit(value):
    """Visit all items of a value."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(item)
    return NotImplemented
