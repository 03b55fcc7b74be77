#!/usr/bin/env bash
# Builds everything and runs the tests: the same command here, on a laptop and in CI.
#   bash deploy/ci/test.sh            the suite (at most 20 minutes on 2 cores)
#   bash deploy/ci/test.sh --full     also the long doses (DOS_TEST_DOSE=full) and the packages
#   bash deploy/ci/test.sh NAME...    only the test projects whose name contains one of NAMEs
# The last line is "N passed, N failed". Exit status 0 only if none failed and every project ran at least one test.
set -uo pipefail
cd "$(dirname "$0")/../.."

export DOS_TEST_DOSE=quick
only=()
for argument in "$@"; do
  case "$argument" in
    --full) DOS_TEST_DOSE=full ;;
    -h|--help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "test.sh: unknown option $argument" >&2; exit 2 ;;
    *) only+=("$argument") ;;
  esac
done

# --- what the tests need and this host lacks ------------------------------------------------------------------------------------
need_postgres() { ! compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
if need_postgres; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "test.sh: PostgreSQL's binaries are missing (/usr/lib/postgresql/*/bin): install the package postgresql" >&2
    exit 2
  fi
  echo "installing postgresql (binaries only; the tests start servers of their own)"
  # The package would start a server on the standard port: keep it from doing so.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null || exit 2
fi

# --- build ------------------------------------------------------------------------------------------------------------------------
results=$(mktemp -d "${TMPDIR:-/tmp}/dos-test.XXXXXX")
trap 'rm -rf "$results"' EXIT
started=$SECONDS
if ! dotnet build Orleans.DOS.sln -c Release -v q -nologo >"$results/build.log" 2>&1; then
  grep -E 'error|warn' "$results/build.log" | sort -u | head -40
  echo "the build failed"
  echo "0 passed, 1 failed"
  exit 1
fi
echo "built in $((SECONDS - started)) s"

# --- run --------------------------------------------------------------------------------------------------------------------------
passed=0 failed=0
for project in tests/*/*.csproj; do
  name=$(basename "$project" .csproj)
  case "$name" in *.Benchmarks) continue ;; esac
  if [ ${#only[@]} -gt 0 ]; then
    wanted=no
    for part in "${only[@]}"; do [[ "$name" == *"$part"* ]] && wanted=yes; done
    [ $wanted = yes ] || continue
  fi
  log="$results/$name.log"
  began=$SECONDS
  timeout --kill-after=30 "${DOS_TEST_PROJECT_SECONDS:-7200}" "tests/$name/bin/Release/net10.0/$name" -noColor >"$log" 2>&1 </dev/null
  status=$?
  summary=$(grep -E 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+' "$log" | tail -1)
  number() { sed -n "s/.*$1: \([0-9]*\).*/\1/p" <<<"$summary"; }
  total=$(number Total) errors=$(number Errors) bad=$(number Failed) skipped=$(number Skipped)
  if [ -z "$total" ] || [ "$total" = 0 ] || { [ $status != 0 ] && [ "$((${bad:-0} + ${errors:-0}))" = 0 ]; }; then
    echo "$name: ended with status $status and ${total:-no} tests"
    tail -40 "$log"
    failed=$((failed + 1))
    continue
  fi
  bad=$((bad + errors))
  passed=$((passed + total - bad - skipped)) failed=$((failed + bad))
  echo "$name: $((total - bad - skipped)) passed, $bad failed, $((SECONDS - began)) s"
  # What failed and where, without what the nodes logged meanwhile; told again at the end, where one looks first.
  [ $bad = 0 ] || awk -v project="$name" '/\[(FAIL|ERROR)\]$/ { left = 25; print project ":" } left-- > 0' "$log" | tee -a "$results/failures"
done
if [ $DOS_TEST_DOSE = full ] && [ ${#only[@]} = 0 ]; then
  began=$SECONDS
  if bash deploy/ci/packages.sh; then
    passed=$((passed + 1))
    echo "packages: passed, $((SECONDS - began)) s"
  else
    failed=$((failed + 1))
    echo "packages: failed, $((SECONDS - began)) s"
  fi
fi
if [ -s "$results/failures" ]; then
  echo "--- what failed, once more ---"
  tail -c 20000 "$results/failures"
fi
echo "in all $((SECONDS - started)) s"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 0 ]
