from aiohttp import web


def main(app):
    web.run_app(app)
