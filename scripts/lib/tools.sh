# Sourced by the scripts: one virtual environment from one lock, rebuilt only when the lock changed.
# Everything lives in the git-ignored folder .work/.

find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "error: Python 3.11 or newer is needed; install it or set PYTHON to its path" >&2
    exit 69
}

# make_env FOLDER LOCK: a virtual environment holding exactly what LOCK names.
make_env() {
    python=$(find_python)
    stamp=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read() + sys.version.encode()).hexdigest())' "$2")
    if [ "$(cat "$1/.stamp" 2>/dev/null || true)" = "$stamp" ]; then
        return
    fi
    echo "setting up $1 from $2 (first time, or the lock changed; about a minute) ..." >&2
    rm -rf "$1"
    "$python" -m venv "$1"
    "$1/bin/python" -m pip install --disable-pip-version-check --quiet --require-hashes --only-binary :all: -r "$2" >&2
    echo "$stamp" >"$1/.stamp"
}

TOOLS=.work/tools
make_tools() {
    make_env "$TOOLS" policies/lock/dev.txt
}
