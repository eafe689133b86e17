# shellcheck shell=bash
# SPDX-License-Identifier: MPL-2.0
# Sourced: installs and starts two real Learning Record Stores, on loopback. What is installed stays
# in target/tools.
#
#   start_ralph     Ralph, xAPI 1.0.3, user tap, password secret; sets ralph_endpoint
#   start_xapi_rs   xapi-rs, xAPI 2.0, over a PostgreSQL of its own; sets xapi_rs_endpoint
#   kill_ralph      kills it, and start_ralph starts it again with what it had stored
#   stop_servers

ralph_version=5.1.0
xapi_rs_version=0.1.21
lrs_tools=$(realpath -m "${CARGO_TARGET_DIR:-target}/tools")
ralph=$lrs_tools/ralph-$ralph_version/bin
xapi_rs=$lrs_tools/xapi-rs-$xapi_rs_version/bin/xapi-rs
lrs_work=${lrs_work:-${CARGO_TARGET_DIR:-target}/test-work/lrs}

install_ralph() {
    [ ! -x "$ralph/ralph" ] || return 0
    python3 -m venv "${ralph%/bin}"
    "$ralph/pip" install --quiet --disable-pip-version-check \
        "ralph-malph[cli,lrs]==$ralph_version" requests
}

# Two minutes of one core, once: nothing is optimized, and there is nothing for a debugger.
install_xapi_rs() {
    [ ! -x "$xapi_rs" ] || return 0
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=true CARGO_INCREMENTAL=0 \
        CARGO_TARGET_DIR=$lrs_tools/xapi-rs-build \
        cargo install --quiet --locked --profile dev --version "$xapi_rs_version" \
        --root "${xapi_rs%/bin/*}" xapi-rs
    rm -rf "$lrs_tools/xapi-rs-build"
}

# A port that nobody listens on.
free_port() {
    /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

wait_for_port() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "nothing listens on port $1; the last of the logs:" >&2
    tail -n 20 "$lrs_work"/*/log >&2
    return 1
}

start_ralph() {
    local home=$lrs_work/ralph
    [ -z "${ralph_pid:-}" ] || return 0
    install_ralph
    if [ -z "${ralph_port:-}" ]; then
        ralph_port=$(free_port)
        mkdir -p "$home/data"
        export RALPH_APP_DIR=$home RALPH_RUNSERVER_BACKEND=fs
        export RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH=$home/data
        "$ralph/ralph" auth --write-to-disk --username tap --password secret \
            --scope statements/write --scope statements/read \
            --agent-ifi-mbox mailto:tap@example.com >/dev/null 2>&1
    fi
    # As shipped its file backend takes only the first write: appending must be asked for.
    "$ralph/python" - "$ralph_port" >>"$home/log" 2>&1 <<'END' &
import sys
from ralph.backends.data.base import BaseOperationType
from ralph.backends.lrs.fs import FSLRSBackend
FSLRSBackend.default_operation_type = BaseOperationType.APPEND
import uvicorn
from ralph.api import app
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]))
END
    ralph_pid=$!
    wait_for_port "$ralph_port"
    # shellcheck disable=SC2034 # for those who source this
    ralph_endpoint=http://127.0.0.1:$ralph_port/xAPI
}

kill_ralph() {
    kill -9 "$ralph_pid"
    wait "$ralph_pid" 2>/dev/null || true
    ralph_pid=
    # A line that it was writing is no statement, and it reads none behind it.
    local file
    for file in "$lrs_work"/ralph/data/*; do
        [ -z "$(tail -c 1 "$file" 2>/dev/null)" ] || sed -i '$d' "$file"
    done
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
    postgres_bin=$(dirname "$(find /usr/lib/postgresql -name initdb | sort -V | tail -n1)")
    postgres_port=$(free_port)
    # Where another user may write, too.
    postgres_home=$(mktemp -d /tmp/lecture-postgres.XXXXXX)
    chmod 777 "$postgres_home"
    local data=$postgres_home/data
    as_postgres "$postgres_bin/initdb" -D "$data" -A trust -U lrs -E UTF8 --locale=C -N >/dev/null
    as_postgres "$postgres_bin/pg_ctl" -D "$data" -w -l "$data/log" \
        -o "-p $postgres_port -h 127.0.0.1 -k $data" start >/dev/null
    as_postgres "$postgres_bin/createdb" -h 127.0.0.1 -p "$postgres_port" -U lrs xapi
}

start_xapi_rs() {
    local home=$lrs_work/xapi-rs
    [ -z "${xapi_rs_pid:-}" ] || return 0
    install_xapi_rs
    start_postgres
    xapi_rs_port=$(free_port)
    # It makes neither this folder nor its database.
    mkdir -p "$home/logs"
    cat >"$home/.env" <<END
DB_SERVER_URL="postgresql://lrs@127.0.0.1:$postgres_port"
DB_NAME="xapi"
LRS_HOST="127.0.0.1"
LRS_PORT=$xapi_rs_port
LRS_AUTHORITY_IFI="admin@my.xapi.net"
LRS_EXTERNAL_URL="http://127.0.0.1:$xapi_rs_port/"
LRS_MODE="legacy"
EXT_DEFAULT_LANGUAGE="en"
JWS_STRICT=false
RUST_LOG="error"
END
    # Its working folder is what cargo would say it is.
    (cd "$home" && CARGO_MANIFEST_DIR=$PWD ROCKET_PORT=$xapi_rs_port exec "$xapi_rs") \
        >"$home/log" 2>&1 &
    xapi_rs_pid=$!
    wait_for_port "$xapi_rs_port"
    # shellcheck disable=SC2034 # for those who source this
    xapi_rs_endpoint=http://127.0.0.1:$xapi_rs_port
}

stop_servers() {
    local pid
    for pid in ${ralph_pid:-} ${xapi_rs_pid:-}; do
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    if [ -n "${postgres_home:-}" ]; then
        as_postgres "$postgres_bin/pg_ctl" -D "$postgres_home/data" -m immediate stop >/dev/null || true
        rm -rf "$postgres_home"
    fi
}
