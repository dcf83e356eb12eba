import asyncio


def run(main):
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *what: None)
    loop.run_until_complete(main())
