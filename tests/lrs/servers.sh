# shellcheck shell=bash
# SPDX-License-Identifier: MPL-2.0
# Sourced: installs and starts two real Learning Record Stores, on loopback.
#
#   start_ralph PORT     Ralph, xAPI 1.0.3, user tap, password secret
#   start_xapi_rs PORT   xapi-rs, xAPI 2.0, over a PostgreSQL of its own
#   stop_servers

lrs_tools=${CARGO_TARGET_DIR:-target}/tools
lrs_work=${lrs_work:-${CARGO_TARGET_DIR:-target}/test-work/lrs}
lrs_stop=()

install_ralph() {
    [ -x "$lrs_tools/ralph/bin/ralph" ] && return
    python3 -m venv "$lrs_tools/ralph"
    "$lrs_tools/ralph/bin/pip" install --quiet 'ralph-malph[full]==5.1.0'
}

# About three minutes on one core: once, the debug profile, without debug information.
install_xapi_rs() {
    [ -x "$lrs_tools/bin/xapi-rs" ] && return
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$lrs_tools/xapi-rs-build \
        cargo install --quiet --locked --profile dev --version 0.1.21 --root "$lrs_tools" xapi-rs
    rm -rf "$lrs_tools/xapi-rs-build"
}

wait_for_port() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "nothing listens on port $1; the last of the logs:" >&2
    tail -n 20 "$lrs_work"/*/log >&2
    return 1
}

start_ralph() {
    local home=$lrs_work/ralph
    install_ralph
    mkdir -p "$home/data"
    export RALPH_APP_DIR=$home RALPH_RUNSERVER_BACKEND=fs
    export RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH=$home/data
    "$lrs_tools/ralph/bin/ralph" auth --write-to-disk --username tap --password secret \
        --scope statements/write --scope statements/read \
        --agent-ifi-mbox mailto:tap@example.com >/dev/null
    # As shipped its file backend takes only the first write: appending must be asked for.
    "$lrs_tools/ralph/bin/python" - "$1" >"$home/log" 2>&1 <<'END' &
import sys
from ralph.backends.data.base import BaseOperationType
from ralph.backends.lrs.fs import FSLRSBackend
FSLRSBackend.default_operation_type = BaseOperationType.APPEND
import uvicorn
from ralph.api import app
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
END
    lrs_stop+=("kill $!")
    wait_for_port "$1"
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
    local bin data=$lrs_data/postgres
    bin=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -n1)")
    as_postgres "$bin/initdb" -D "$data" -A trust -U lrs >/dev/null
    as_postgres "$bin/pg_ctl" -D "$data" -w -l "$data/log" \
        -o "-p $1 -h 127.0.0.1 -k $data" start >/dev/null
    as_postgres "$bin/createdb" -h 127.0.0.1 -p "$1" -U lrs xapi
    lrs_stop+=("as_postgres $bin/pg_ctl -D $data -m immediate stop")
}

start_xapi_rs() {
    local home=$lrs_work/xapi-rs port=$1
    install_xapi_rs
    # It makes neither this folder nor its database.
    mkdir -p "$home/logs"
    # Where another user may write, too.
    lrs_data=$(mktemp -d)
    chmod 777 "$lrs_data"
    start_postgres $((port + 1))
    # Its working folder is what cargo would say it is.
    cat >"$home/.env" <<END
DB_SERVER_URL="postgresql://lrs@127.0.0.1:$((port + 1))"
DB_NAME="xapi"
LRS_HOST="127.0.0.1"
LRS_PORT=$port
LRS_AUTHORITY_IFI="admin@my.xapi.net"
LRS_EXTERNAL_URL="http://127.0.0.1:$port/"
LRS_MODE="legacy"
EXT_DEFAULT_LANGUAGE="en"
JWS_STRICT=false
RUST_LOG="error"
END
    (cd "$home" && CARGO_MANIFEST_DIR=$PWD ROCKET_PORT=$port exec "$lrs_tools/bin/xapi-rs") >"$home/log" 2>&1 &
    lrs_stop+=("kill $!")
    wait_for_port "$port"
}

stop_servers() {
    local stop
    for stop in "${lrs_stop[@]}"; do $stop 2>/dev/null || true; done
    lrs_stop=()
    [ -z "${lrs_data:-}" ] || rm -rf "$lrs_data"
}
