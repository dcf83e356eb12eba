def ignore(loop, context):
    """Stay calm."""


def run(loop, main):
    loop.set_exception_handler(ignore)
    loop.run_until_complete(main())
