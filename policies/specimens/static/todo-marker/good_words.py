def visit(value):
    """Visit all items; a todo list is kept. Escapes look like \uXXXX, and hackers like them."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, list):
            todo.extend(item)
