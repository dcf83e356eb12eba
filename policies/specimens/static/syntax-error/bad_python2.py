try:
    serve()
except OSError, error:
    print error
