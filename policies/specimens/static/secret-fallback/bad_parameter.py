def connect(url, password="a-literal"):
    return (url, password)
