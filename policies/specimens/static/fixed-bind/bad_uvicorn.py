import uvicorn


def main(app):
    uvicorn.run(app, host="0.0.0.0")
