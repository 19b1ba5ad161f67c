#!/usr/bin/env bash
# Runs the checks of the project, and says what it is doing. Installs what they need (as root, Debian packages).
#   ./test.sh             every stage, in the order below
#   ./test.sh --all       also the products that take minutes to install (JupyterHub, Synapse, oauth2-proxy, Dex, kubelogin, OmniAuth, Nimbus): once a day, or on demand
#   ./test.sh STAGE...    these stages alone
#   ./test.sh list        names the stages
set -euo pipefail
cd "$(dirname "$0")"
all=
stages=(fmt sizes unused links clippy test doc browser examples apis guides proxies clients deny fuzz package)
case "${1:-}" in
  "") chosen=("${stages[@]}") ;;
  --all) all=--all chosen=("${stages[@]}") ;;
  list) printf '%s\n' "${stages[@]}"; exit 0 ;;
  *) chosen=("$@") ;;
esac
for stage in "${chosen[@]}"; do
  [[ " ${stages[*]} " = *" $stage "* ]] || { echo "usage: ./test.sh [--all | list | STAGE...]; the stages are ${stages[*]}" >&2; exit 2; }
done
chosen_has() { [[ " ${chosen[*]} " = *" $1 "* ]]; }

started=$SECONDS
say() { printf '\n== [%4d s] %s\n' $((SECONDS - started)) "$*"; }
tools=${LATCHKEY_TOOLS:-$PWD/target/tools}
export CARGO_TERM_COLOR=never

# Debian packages, by the stage that needs them.
missing=() optional=()
missing_for() {
  case $1 in
    test)
      [ -n "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || command -v initdb >/dev/null || missing+=(postgresql)
      command -v redis-server >/dev/null || missing+=(redis-server)
      command -v openssl >/dev/null || missing+=(openssl) ;;
    browser)
      [ -x /usr/bin/chromium ] || missing+=(chromium)
      [ -x /usr/bin/chromedriver ] || missing+=(chromium-driver)
      [ -n "$(ls /usr/share/fonts/opentype/noto/NotoSansCJK* 2>/dev/null)" ] || missing+=(fonts-noto-cjk)
      command -v npm >/dev/null || missing+=(nodejs npm)
      needs_venv ;;
    examples)
      command -v npm >/dev/null || missing+=(nodejs npm)
      needs_venv ;;
    apis)
      command -v npm >/dev/null || missing+=(nodejs npm)
      command -v openssl >/dev/null || missing+=(openssl)
      command -v curl >/dev/null || missing+=(curl)
      [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
      needs_venv ;;
    guides)
      command -v openssl >/dev/null || missing+=(openssl)
      command -v npm >/dev/null || missing+=(nodejs npm)
      command -v curl >/dev/null || missing+=(curl)
      [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
      needs_venv ;;
    fuzz) command -v c++ >/dev/null || missing+=(g++) ;;
    proxies)
      [ -x /usr/sbin/nginx ] || missing+=(nginx-light)
      command -v caddy >/dev/null || optional+=(caddy)
      command -v openssl >/dev/null || missing+=(openssl) ;;
    package)
      command -v buildah >/dev/null || optional+=(buildah)
      command -v mmdebstrap >/dev/null || optional+=(mmdebstrap) ;;
    links) command -v git >/dev/null || missing+=(git) ;;
    clients)
      [ -x /usr/bin/chromium ] || missing+=(chromium)
      [ -x /usr/bin/chromedriver ] || missing+=(chromium-driver)
      command -v openssl >/dev/null || missing+=(openssl)
      [ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] || missing+=(libapache2-mod-auth-openidc)
      [ -z "$all" ] || dpkg-query -W ruby-omniauth-openid-connect ruby-sinatra puma >/dev/null 2>&1 || missing+=(ruby ruby-omniauth-openid-connect ruby-sinatra puma)
      needs_venv ;;
  esac
}
needs_venv() { python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv); }
apt() { DEBIAN_FRONTEND=noninteractive apt-get "$@" >/dev/null; }
# Debian starts the services of what it installs, now and at each boot. Nothing here needs them: the tests start their own.
policy=/usr/sbin/policy-rc.d
install_missing() {
  for stage in "${chosen[@]}"; do missing_for "$stage"; done
  [ $((${#missing[@]} + ${#optional[@]})) -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "install these first: ${missing[*]}" >&2
    exit 1
  fi
  say "system packages: ${missing[*]} ${optional[*]}"
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
  fi
  apt-get update -qq
  [ ${#missing[@]} = 0 ] || apt install -y -qq --no-install-recommends "${missing[@]}"
  for package in "${optional[@]}"; do
    apt install -y -qq --no-install-recommends "$package" || echo "  $package cannot be installed: what needs it is left out, and said" >&2
  done
}

# One selection of packages for everything that is built: another one would build dependencies again, with other features.
binaries() { cargo build --workspace --bins --locked --quiet; }

venv() {
  [ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
  "$tools/venv/bin/pip" install --quiet --disable-pip-version-check selenium -r examples/relying-party-python/requirements.txt -r examples/testing/pytest/requirements.txt
}

# A tool of cargo's, unless it is installed. Unoptimised: it runs for seconds, and compiles in a third of the time.
tool() {
  command -v "$1" >/dev/null || [ -x "$tools/bin/$1" ] ||
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --debug --root "$tools" "$1"
}

fuzz_targets() { for file in crates/protocol/fuzz/fuzz_targets/*.rs; do basename "$file" .rs; done; }
fuzz_build() { (cd crates/protocol && RUSTC_BOOTSTRAP=1 cargo fuzz build --sanitizer none); }

run_fmt() {
  say "fmt: formatting"
  cargo fmt --all --check
}

run_sizes() {
  say "sizes: short files and functions, and each file says what it is for"
  python3 .ci/sizes.py
}

run_unused() {
  say "unused: every dependency is used"
  python3 .ci/unused.py
}

run_links() {
  say "links: what the documents point at is there"
  python3 .ci/links.py
}

run_clippy() {
  say "clippy: warnings denied"
  cargo clippy --workspace --all-targets --locked -- -D warnings
}

run_test() {
  say "test: all tests, on SQLite and a throw-away PostgreSQL"
  # One that runs already is somebody's, who stops it.
  stop=true
  if [ -n "${LATCHKEY_TEST_POSTGRES:-}" ]; then stop=; else eval "$(.ci/postgres)"; trap '.ci/postgres stop' EXIT; fi
  LATCHKEY_REQUIRE_POSTGRES=1 cargo test --workspace --locked
  [ -z "$stop" ] || { .ci/postgres stop; unset LATCHKEY_TEST_POSTGRES; trap - EXIT; }
}

run_doc() {
  say "doc: documentation"
  RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
}

run_browser() {
  say "browser: sign-in, consent, the console, sign-out everywhere, a single-page app and the stopwatch in Chromium, each page of Latchkey held against axe-core; screenshots in artifacts/"
  binaries
  venv
  mkdir -p "$tools/axe"
  cp .ci/axe/package.json .ci/axe/package-lock.json "$tools/axe/"
  (cd "$tools/axe" && npm ci --no-audit --no-fund --loglevel=error)
  "$tools/venv/bin/python" .ci/browser.py
  "$tools/venv/bin/python" .ci/console.py
  "$tools/venv/bin/python" .ci/sign_out.py
  "$tools/venv/bin/python" .ci/spa.py
  "$tools/venv/bin/python" .ci/stopwatch.py
}

run_examples() {
  say "examples: three client libraries and an API against a real server, and tests of an app that start their own"
  binaries
  venv
  (cd examples/relying-party-node && npm install --no-audit --no-fund --no-package-lock --loglevel=error)
  EXAMPLE_PYTHON="$tools/venv/bin/python" "$tools/venv/bin/python" .ci/examples.py
  "$tools/venv/bin/python" .ci/testing.py
}

run_apis() {
  say "apis: APIs in Node, Python, Go, Java and Rust, called with good tokens and with all that must be refused"
  binaries
  python3 .ci/apis.py
}

run_guides() {
  say "guides: the commands and files of the guides and of the examples, from an empty folder"
  binaries
  python3 .ci/guides.py
}

run_proxies() {
  say "proxies: sign-in through nginx, Caddy and Traefik, as far as they are installed, set up by docs/proxies.md"
  binaries
  python3 .ci/proxies.py
}

run_clients() {
  say "clients: other projects' clients, set up by the pages of docs/connect/: sign-in, refresh, key rotation, sign-out"
  binaries
  python3 .ci/clients/run.py $all
  say "clients: sign-in at other people's providers (oidc-provider, Dex): accounts, cancellation, a wrong secret, other keys, an outage"
  python3 .ci/upstreams/run.py
  say "clients: a generated client of the administration API, and schemathesis against its document"
  python3 .ci/api/run.py
}

run_deny() {
  say "deny: licences, sources and walls between crates (cargo-deny)"
  tool cargo-deny
  cargo deny --log-level error check bans licenses sources
  cargo deny --log-level error check advisories || {
    status=$?
    # Advisories that could be read decide; a database that cannot be fetched is said, and does not.
    if [ -d "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" ] && [ -n "$(find "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" -name 'RUSTSEC-*' -print -quit 2>/dev/null)" ]; then exit $status; fi
    echo "advisories could NOT be checked: their database cannot be fetched from here"
  }
}

run_fuzz() {
  say "fuzz: a short run of each target"
  tool cargo-fuzz
  fuzz_build
  for target in $(fuzz_targets); do
    (cd crates/protocol && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" -- -max_total_time="${LATCHKEY_FUZZ_SECONDS:-15}" -max_len=4096 -verbosity=0)
  done
}

run_package() {
  say "package: the Debian package installed and purged, the systemd unit, the container image"
  binaries
  .ci/package "${CARGO_TARGET_DIR:-target}/debug/latchkey"
}

# The clients wait for one another more than they compute: beside them the last stages compile, at a low priority.
beside=
prepare_beside_clients() {
  { chosen_has clients && chosen_has fuzz; } || return 0
  mkdir -p "$tools"
  (renice -n 15 -p "$BASHPID" || true; tool cargo-deny; tool cargo-fuzz; fuzz_build) >"$tools/beside.log" 2>&1 &
  beside=$!
}
wait_for_beside() {
  [ -n "$beside" ] || return 0
  # What failed there is done again by its stage, where it is seen.
  wait "$beside" || true
  beside=
}

export PATH="$PATH:$tools/bin"
say "stages: ${chosen[*]}"
[ ${#chosen[@]} -lt ${#stages[@]} ] || echo "From nothing this takes half an hour on two cores (most of it compiling), later ten minutes."
install_missing
for stage in "${chosen[@]}"; do
  if [ "$stage" = clients ]; then prepare_beside_clients; else wait_for_beside; fi
  "run_$stage"
done
say "all checks passed: ${chosen[*]}"
