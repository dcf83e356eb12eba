import sys


def report(loop, context):
    loop.log.error("a task failed", context=context)


def run(loop):
    loop.set_exception_handler(report)
    loop.set_exception_handler(None)
    sys.excepthook = sys.__excepthook__
