def mock_response(frame):
    return {"ok": True}
