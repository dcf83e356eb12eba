def arguments(parser):
    parser.add_argument("--api-key", default="letmein")
