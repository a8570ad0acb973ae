#!/usr/bin/env bash
# The one entry point: ./build.sh [build|test|demo|bench|fuzz|campaign|format|clean]
set -euo pipefail
cd "$(dirname "$0")"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

publish() {
    dotnet publish Kalshi.Daemon -c Release -r linux-x64 -o artifacts --nologo -v quiet -clp:NoSummary
}

run_tests() {
    dotnet build kalshid.slnx -c Release --nologo -v quiet -clp:NoSummary
    local log status=0
    log=$(mktemp)
    dotnet test Kalshi.Daemon.Tests -c Release --no-build --nologo "$@" 2>&1 | tee "$log" || status=$?
    # The runner's summary, restated in one plain line that stands last.
    sed -nE 's/.*Failed: +([0-9]+), Passed: +([0-9]+), Skipped: +([0-9]+).*/\2 passed, \1 failed, \3 skipped/p' "$log" | tail -n 1
    rm -f "$log"
    return "$status"
}

case "${1:-build}" in
    build) publish ;;
    test) shift; publish; run_tests "$@" ;;
    format) dotnet format kalshid.slnx ;;
    clean) rm -rf artifacts; dotnet clean kalshid.slnx -c Release --nologo -v quiet ;;
    *) echo "usage: ./build.sh [build|test|demo|bench|fuzz|campaign|format|clean]" >&2; exit 64 ;;
esac
