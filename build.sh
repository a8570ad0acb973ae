#!/usr/bin/env bash
# The one entry point of this repository. `./build.sh help` lists the verbs.
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_UI_LANGUAGE=en
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 # a fresh machine has no ICU, and nothing here needs it
export HOME="${HOME:-/tmp}"

binary=artifacts/kalshid
runtime=linux-x64

help() {
    cat <<'TEXT'
usage: ./build.sh VERB

  build               publish the native binary to artifacts/kalshid (skipped when nothing changed)
  test [ARGUMENTS]    build everything and run all tests; the last line is "N passed, N failed, N skipped";
                      ARGUMENTS go to the runner, such as --filter "FullyQualifiedName~Journal"
  demo [--store]      a simulated exchange, a capture with faults, Parquet and the proof, in a temporary directory;
                      --store: with a PostgreSQL of its own as well; KALSHID_DEMO_DIR=DIR keeps everything in DIR
  demo-cluster        three gatherers, each with a database of its own, merged into one production while connections break and changes get lost;
                      then the certificate; KALSHID_DEMO_DIR=DIR keeps everything in DIR
  bench [WHICH]       measure decode, capture, gather, journal, export, store, merge, streams, dedup, production, or all of them (the default);
                      micro: each step alone; dedup-memory: the published dedup with a million markets, ten minutes and 10 GB of disk; KALSHID_BENCH_TIMESCALE_DSN adds a database with TimescaleDB to store and production
  fuzz [INPUTS [SEED]]  throw generated frames and journals at their readers, 10 million of each by default
  campaign-dedup [SEEDS [FIRST]]
                      the merge of several gatherers over seeded markets and faults, in memory: 1,000 seeds by default, from 1;
                      KALSHID_TRACE=FILE writes down the last one
  campaign            the large fault run: 20,000 markets, 20,000 messages/s, two kill -9, everything accounted for
  campaign-store [SEEDS]  20 captures of 20,000 markets (and of the recordings beside this repository) into databases that are killed, restarted
                      and paused while gatherers are killed; plain, hypertable and direct compress take turns; KALSHID_TEST_SEED=N is the first
  campaign-cluster [SEEDS]  20 runs of three published gatherers with clocks and databases of their own and a published dedup, all of which are killed, restarted,
                      cut off or rebuilt from nothing while messages get lost; production is held against the exchange; KALSHID_TEST_SEED=N is the first
  format [--verify]   format the code, or only say whether it is formatted
  clean               remove everything that was built
TEXT
}

say() { printf '%s\n' "$*" >&2; }

die() {
    say "build.sh: $*"
    exit 1
}

# ---- what must be on the machine ------------------------------------------------------------------------------------

# One small program, linked as the native compiler links: proves a C compiler, its headers and zlib at once.
native_tools_work() {
    local compiler
    for compiler in clang gcc; do
        if command -v "$compiler" >/dev/null; then
            printf '#include <stdio.h>\n#include <zlib.h>\nint main(void) { return zlibVersion() == NULL; }\n' |
                "$compiler" -x c - -lz -o /dev/null 2>/dev/null
            return
        fi
    done
    return 1
}

require_sdk() {
    command -v dotnet >/dev/null || PATH="$PATH:$HOME/.dotnet:/usr/share/dotnet:/usr/lib/dotnet"
    command -v dotnet >/dev/null || die "the .NET SDK is missing: install the version in global.json from https://dot.net/download."
    dotnet --version >/dev/null 2>&1 || die "this .NET SDK does not fit global.json: $(dotnet --version 2>&1 | head -n 3 | tr '\n' ' ')"
}

require_tools() {
    require_sdk
    native_tools_work && return
    local packages="gcc libc6-dev zlib1g-dev"
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        die "native compilation needs a C compiler and zlib: install them first (Debian: apt-get install $packages)."
    fi
    say "Installing what native compilation needs: $packages"
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2 ||
        die "could not install $packages."
    native_tools_work || die "$packages are installed, but a C program with zlib still does not link."
}

# A PostgreSQL server that is new enough, where the tests look for one.
has_postgres() {
    local server version
    for server in "${KALSHID_TEST_POSTGRES_BIN:-}" /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null || true)"; do
        version=$("$server/postgres" --version 2>/dev/null | sed -nE 's/^[^0-9]*([0-9]+).*/\1/p') || continue
        if [ "${version:-0}" -ge 15 ]; then
            postgres_bin=$server
            return
        fi
    done
    return 1
}

# Without these some tests are skipped, which the runner reports: nothing here ends the run.
offer_servers() {
    has_postgres || offer "PostgreSQL" postgresql
    command -v npm >/dev/null && command -v node >/dev/null || offer "Node.js with npm (for TimescaleDB)" nodejs npm
}

offer() {
    local what=$1
    shift
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "Tests that need $what will be skipped: it is not installed (Debian: apt-get install $*)."
        return
    fi
    say "Installing what some tests need: $*"
    apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2 ||
        say "Tests that need $what will be skipped: could not install $*."
}

# ---- build and test -------------------------------------------------------------------------------------------------

# ---- a PostgreSQL for demo and bench --------------------------------------------------------------------------------

postgres_bin=
postgres_data=
postgres_dsn=
postgres_url=

# The server refuses to run as root: then it runs as the user that its package made.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u postgres -- "$@"
    else
        "$@"
    fi
}

# postgres_start FOLDER [SERVER OPTION...]: one of our own in FOLDER/data, on a free port of this machine, for this run only.
postgres_start() {
    local folder=$1
    shift
    has_postgres || die "this needs a PostgreSQL server, version 15 or later (Debian: apt-get install postgresql)."
    mkdir -p "$folder"
    chmod 755 "$folder" "$(dirname "$folder")"
    [ "$(id -u)" != 0 ] || chown postgres: "$folder"
    rm -rf "$folder/data"
    as_postgres "$postgres_bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --no-locale --no-sync >"$folder/initdb.log" 2>&1 ||
        die "initdb failed: $(tail -n 3 "$folder/initdb.log")"
    local port tries
    for tries in 1 2 3 4 5; do
        port=$((12000 + RANDOM % 20000))
        if as_postgres "$postgres_bin/pg_ctl" -D "$folder/data" -l "$folder/data/server.log" -w -t 60 \
            -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder/data $*" start >/dev/null; then
            postgres_data=$folder/data
            postgres_dsn="Host=127.0.0.1;Port=$port;Username=postgres;Database=postgres"
            postgres_url="postgresql://postgres@127.0.0.1:$port/postgres"
            return
        fi
    done
    die "PostgreSQL does not start: $(tail -n 3 "$folder/data/server.log" 2>/dev/null)"
}

postgres_stop() {
    [ -z "$postgres_data" ] || as_postgres "$postgres_bin/pg_ctl" -D "$postgres_data" -m immediate stop >/dev/null 2>&1 || true
    postgres_data=
}

# Everything the published binary depends on, as one hash.
source_hash() {
    {
        dotnet --version
        find Kalshi.Daemon -type f -not -path '*/bin/*' -not -path '*/obj/*' -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
        sha256sum Directory.Build.props Directory.Packages.props global.json .editorconfig
    } | sha256sum
}

publish() {
    require_tools
    local stamp=artifacts/.published hash
    hash=$(source_hash)
    if [ -x "$binary" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$hash $(sha256sum <"$binary")" ]; then
        return
    fi
    rm -f "$stamp"
    dotnet publish Kalshi.Daemon -c Release -r "$runtime" -o artifacts/.publish --nologo -v quiet -clp:NoSummary
    # Moved, not copied: a running kalshid keeps its file.
    mv -f artifacts/.publish/kalshid* artifacts/
    rm -rf artifacts/.publish
    # Sources that changed meanwhile may or may not be in it: the next build makes sure.
    if [ "$hash" = "$(source_hash)" ]; then
        printf '%s' "$hash $(sha256sum <"$binary")" >"$stamp"
    fi
}

# What failed and why, once more where nobody has to scroll: the runner tells it in the midst of everything else.
failures() {
    [ -f "$1" ] || return 0
    awk '/<UnitTestResult .*outcome="Failed"/ { match($0, / testName="[^"]*"/); print "Failed: " substr($0, RSTART + 11, RLENGTH - 12); left = 12 }
         /<Message>/ { told = left > 0 } told && left > 0 { print "    " $0; left-- } /<\/Message>/ { told = 0; left = 0 }' "$1" |
        sed -E 's/ *<\/?Message>//g; s/&quot;/"/g; s/&apos;/'"'"'/g; s/&#x[ADad];/ /g; s/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}

# The runner's results file, as one plain line; a run that broke off counts as one more failure.
summary() {
    local results=$1 status=$2 counters passed=0 failed=0 skipped=0
    counters=$(grep -o '<Counters [^>]*>' "$results" 2>/dev/null | head -n 1 || true)
    if [ -n "$counters" ]; then
        count() { sed -nE "s/.* $1=\"([0-9]+)\".*/\1/p" <<<"$counters"; }
        passed=$(count passed)
        failed=$(($(count failed) + $(count error) + $(count timeout) + $(count aborted)))
        skipped=$(($(count total) - $(count executed)))
    fi
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        failed=1
    fi
    [ "$failed" = 0 ] || failures "$results"
    echo "$passed passed, $failed failed, $skipped skipped"
}

run_tests() {
    publish
    offer_servers
    local folder=artifacts/test-results status=0
    rm -rf "$folder"
    dotnet build kalshid.slnx -c Release --nologo -v quiet -clp:NoSummary || status=$?
    if [ "$status" = 0 ]; then
        dotnet test Kalshi.Daemon.Tests -c Release --no-build --nologo --results-directory "$folder" --logger "trx;LogFileName=tests.trx" \
            --blame-hang-timeout 10m --blame-hang-dump-type none "$@" || status=$?
    fi
    summary "$folder/tests.trx" "$status"
    return "$status"
}

# The benchmarks as native code, as users run kalshid.
publish_bench() {
    publish
    dotnet publish Kalshi.Daemon.Bench -c Release -r "$runtime" -p:Native=true -o artifacts/bench --nologo -v quiet -clp:NoSummary
}

bench() {
    if [ "${1:-}" = micro ]; then
        require_sdk
        dotnet run --project Kalshi.Daemon.Bench -c Release -- "$@"
        return
    fi
    publish_bench
    local which
    for which in ${1:-decode capture gather journal export store merge streams dedup production}; do
        say "== $which"
        if [ "$which" = store ] || [ "$which" = dedup ] || [ "$which" = dedup-memory ] || [ "$which" = production ]; then
            bench_database "$which"
            continue
        fi
        artifacts/bench/kalshid-bench "$which" "${@:2}"
    done
}

# bench_database WHICH: one that needs a PostgreSQL.
bench_database() {
    offer_servers
    bench_folder=$(mktemp -d "${TMPDIR:-/tmp}/kalshid-bench.XXXXXX")
    trap 'postgres_stop; rm -rf "$bench_folder"' EXIT
    postgres_start "$bench_folder/postgres" -c shared_buffers=1GB -c max_wal_size=8GB
    artifacts/bench/kalshid-bench "$1" "$postgres_dsn" ${KALSHID_BENCH_TIMESCALE_DSN:+"$KALSHID_BENCH_TIMESCALE_DSN"}
    postgres_stop
    rm -rf "$bench_folder"
    trap - EXIT
}

fuzz() {
    publish_bench
    artifacts/bench/kalshid-bench fuzz-frames "${1:-10000000}" "${@:2}"
    artifacts/bench/kalshid-bench fuzz-journal "${1:-10000000}" "${@:2}"
}

campaign() {
    KALSHID_CAMPAIGN=full run_tests --filter "FullyQualifiedName~.CampaignTest" --logger "console;verbosity=detailed"
}

campaign_store() {
    KALSHID_CAMPAIGN_SEEDS=${1:-20} run_tests --filter "FullyQualifiedName~StoreCampaignTest" --logger "console;verbosity=detailed"
}

campaign_cluster() {
    KALSHID_CLUSTER_SEEDS=${1:-20} run_tests --filter "FullyQualifiedName~ClusterCampaignTest" --logger "console;verbosity=detailed"
}

# Managed code alone: nothing has to be published first.
campaign_dedup() {
    require_sdk
    KALSHID_CAMPAIGN_DEDUP="${1:-1000} ${2:-1}" dotnet test Kalshi.Daemon.Tests -c Release --nologo -v quiet \
        --filter "FullyQualifiedName~Dedup.ExactnessTest" --logger "console;verbosity=detailed"
}

# ---- demo -----------------------------------------------------------------------------------------------------------

demo_folder=
demo_simulator=

# A folder for everything, which goes with the demo however it ends.
demo_begin() {
    demo_folder=${KALSHID_DEMO_DIR:-$(mktemp -d "${TMPDIR:-/tmp}/kalshid-demo.XXXXXX")}
    mkdir -p "$demo_folder"
    demo_folder=$(cd "$demo_folder" && pwd)
    trap demo_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

demo_end() {
    postgres_stop
    [ -z "$demo_simulator" ] || kill "$demo_simulator" 2>/dev/null || true
    if [ -n "${KALSHID_DEMO_DIR:-}" ]; then
        say "Everything is kept in $demo_folder"
    else
        rm -rf "$demo_folder"
    fi
}

# The simulator listens once it has written the configuration.
demo_await_config() {
    local waited=0
    until [ -f "$1" ]; do
        if [ "$waited" = 300 ] || ! kill -0 "$demo_simulator" 2>/dev/null; then
            cat "$demo_folder/simulate.log" >&2
            die "the simulated exchange did not start."
        fi
        waited=$((waited + 1))
        sleep 0.1
    done
}

# One friendly line, then the command itself.
step() {
    printf '\n\033[1m%s\033[0m\n' "$1"
    shift
    "$@" || die "the demo failed at: $*"
}

demo() {
    publish
    local with_store=
    case "${1:-}" in
        --store) with_store=yes ;;
        "") ;;
        *) die "demo takes --store or nothing." ;;
    esac
    demo_begin
    if [ -n "$with_store" ]; then
        offer_servers
        postgres_start "$demo_folder/postgres"
        export KALSHID_STORE__DSN="$postgres_dsn"
        printf '\n\033[1m%s\033[0m\n' "A PostgreSQL of its own listens at $postgres_dsn."
    fi
    local config=$demo_folder/kalshid.conf truth=$demo_folder/truth.ndjson parquet=$demo_folder/parquet
    rm -rf "$config" "$truth" "$parquet" "$demo_folder/data"
    cat >"$demo_folder/faults" <<'TEXT'
disconnect at=12s connection=5                          # a connection breaks
drop at=22s count=2 channel=orderbook_delta             # two changes take their number and never arrive
TEXT

    printf '\n\033[1m%s\033[0m\n' "A Kalshi of its own starts on this machine: 2,000 markets, 2,000 messages a second, 40 s. It writes down everything it says."
    "$binary" simulate --listen 127.0.0.1:0 --seed "${KALSHID_DEMO_SEED:-7}" --markets 2000 --rate 2000 --duration 40s --hold --linger 10m \
        --faults "$demo_folder/faults" --truth "$truth" --write-config "$config" >"$demo_folder/simulate.log" 2>&1 &
    demo_simulator=$!
    demo_await_config "$config"

    step "kalshid gather captures it over seven sockets. After 12 s a connection breaks, after 22 s two changes get lost: watch the gaps." \
        "$binary" gather --config "$config" --set gather.markets_per_connection=500 --until-idle 4s
    grep "Fault injected" "$demo_folder/simulate.log" || die "no fault was injected."

    step "The journal becomes Parquet, with a certificate of what is covered." \
        "$binary" export --config "$config" --target "$parquet" --until now
    step "The journal is held against everything the exchange said." \
        "$binary" verify --config "$config" --truth "$truth"
    step "So are the Parquet files, on their own." \
        "$binary" verify --config "$config" --parquet "$parquet" --truth "$truth"

    if [ -n "$with_store" ]; then
        step "The database got everything meanwhile: it is held against the exchange as well." \
            "$binary" verify --config "$config" --store --truth "$truth"
    fi

    # A second after its last change, in µs: the stream was over and the capture still on.
    local ticker at
    ticker=$(sed -n 's/^{"kind":"delta","ticker":"\([^"]*\)".*/\1/p' "$truth" | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
    at=$(grep -F "{\"kind\":\"delta\",\"ticker\":\"$ticker\"," "$truth" | tail -n 1 | sed -E 's/.*"exchange_at":([0-9]+).*/\1/')
    step "The book of the busiest market, $ticker, rebuilt from the journal as it stood when the stream ended." \
        "$binary" book "$ticker" --config "$config" --at $((at + 1000000))
    if [ -n "$with_store" ]; then
        step "The same book by SQL." \
            "$postgres_bin/psql" "$postgres_url" -c "select * from kalshi.orderbook_at('$ticker', to_timestamp($((at + 1000000)) / 1000000.0))"
        step "And where its market was covered." \
            "$postgres_bin/psql" "$postgres_url" -c "select * from kalshi.coverage_of('$ticker', now() - interval '10 minutes', now())"
    fi
    printf '\nDone: every change is held once or stands in a reported gap, and no trade is missing.\n'
}

# A database for each name, in the server that postgres_start started; what connects to it by name.
cluster_dsn() {
    printf '%s' "${postgres_dsn/Database=postgres/Database=$1}"
}

demo_cluster() {
    publish
    offer_servers
    demo_begin
    postgres_start "$demo_folder/postgres" -c max_connections=60
    local config=$demo_folder/kalshid.conf truth=$demo_folder/truth.ndjson name gatherers=()
    rm -rf "$config" "$truth" "$demo_folder"/g[123] "$demo_folder/dedup"
    for name in g1 g2 g3 production; do
        "$postgres_bin/psql" -q "$postgres_url" -c "create database $name" || die "no database $name."
    done
    cat >"$demo_folder/faults" <<'TEXT'
disconnect at=12s connection=5                          # a connection of one gatherer breaks
drop at=22s count=2 channel=orderbook_delta             # two changes take their number and never arrive at one of them
disconnect at=30s connection=9
TEXT

    printf '\n\033[1m%s\033[0m\n' "A Kalshi of its own: 1,000 markets, 1,000 messages a second, 40 s. It writes down everything it says."
    "$binary" simulate --listen 127.0.0.1:0 --seed "${KALSHID_DEMO_SEED:-7}" --markets 1000 --rate 1000 --duration 40s --hold --linger 10m \
        --faults "$demo_folder/faults" --truth "$truth" --write-config "$config" >"$demo_folder/simulate.log" 2>&1 &
    demo_simulator=$!
    demo_await_config "$config"

    printf '\n\033[1m%s\033[0m\n' "Three gatherers capture it, each into a database of its own (logs in $demo_folder). kalshid dedup merges them into production:"
    for name in g1 g2 g3; do
        "$binary" gather --config "$config" --set gather.name=$name --set "gather.data_dir=$demo_folder/$name" --set gather.markets_per_connection=400 \
            --set "store.dsn=$(cluster_dsn $name)" --until-idle 6s >"$demo_folder/$name.log" 2>&1 &
        gatherers+=($!)
    done
    local dedup=(--config "$config" --set "gather.data_dir=$demo_folder/dedup" --set "dedup.production_dsn=$(cluster_dsn production)")
    for name in g1 g2 g3; do
        dedup+=(--set "dedup.gatherer.$name=$(cluster_dsn $name)")
    done
    "$binary" dedup "${dedup[@]}" --until-idle 15s || die "the dedup failed."
    wait "${gatherers[@]}" || die "a gatherer failed: see $demo_folder."
    grep "Fault injected" "$demo_folder/simulate.log" || die "no fault was injected."

    printf '\n\033[1m%s\033[0m\n' "What the merge did:"
    "$binary" status --config "$config" --set "gather.data_dir=$demo_folder/dedup" || true
    step "Production is held against everything the exchange said." \
        "$binary" verify "${dedup[@]}" --production --truth "$truth"
    step "Who saw what, by SQL." \
        "$postgres_bin/psql" "${postgres_url/%postgres/production}" -c "select sources, count(*) as changes from kalshi.orderbook_deltas group by sources order by changes desc"
}

format() {
    require_sdk
    case "${1:-}" in
        --verify) dotnet format kalshid.slnx --verify-no-changes ;;
        "") dotnet format kalshid.slnx ;;
        *) die "format takes --verify or nothing." ;;
    esac
}

clean() {
    rm -rf artifacts Kalshi.Daemon*/bin Kalshi.Daemon*/obj
}

main() {
    local verb=${1:-build}
    shift || true
    case "$verb" in
        build) publish ;;
        test) run_tests "$@" ;;
        bench) bench "$@" ;;
        fuzz) fuzz "$@" ;;
        demo) demo "$@" ;;
        demo-cluster) demo_cluster ;;
        campaign) campaign ;;
        campaign-store) campaign_store "$@" ;;
        campaign-cluster) campaign_cluster "$@" ;;
        campaign-dedup) campaign_dedup "$@" ;;
        format) format "$@" ;;
        clean) clean ;;
        help | --help | -h) help ;;
        *)
            say "build.sh: there is no verb \"$verb\"."
            help >&2
            exit 64
            ;;
    esac
}

# On one line, so that editing this file does not disturb a run.
main "$@"; exit
