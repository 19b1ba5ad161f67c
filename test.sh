#!/usr/bin/env bash
# Runs every check of the project, and says what it is doing. Installs what the checks need (as root, Debian packages).
#   --all   also the products that take minutes to install (JupyterHub, Synapse, oauth2-proxy, Dex, kubelogin, OmniAuth, Nimbus): once a day, or on demand.
set -euo pipefail
cd "$(dirname "$0")"
case "${1:-}" in "" | --all) ;; *) echo "usage: ./test.sh [--all]" >&2; exit 2 ;; esac
started=$SECONDS
say() { printf '\n== [%3d s] %s\n' $((SECONDS - started)) "$*"; }
tools=${LATCHKEY_TOOLS:-$PWD/target/tools}
mkdir -p "$tools"
export CARGO_TERM_COLOR=never

say "system packages: PostgreSQL, Chromium, Python's venv"
missing=()
[ -n "$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null)" ] || missing+=(postgresql)
[ -x /usr/bin/chromium ] || missing+=(chromium)
[ -x /usr/bin/chromedriver ] || missing+=(chromium-driver)
[ -n "$(ls /usr/share/fonts/opentype/noto/NotoSansCJK* 2>/dev/null)" ] || missing+=(fonts-noto-cjk)
command -v openssl >/dev/null || missing+=(openssl)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
[ -e /usr/lib/apache2/modules/mod_auth_openidc.so ] || missing+=(libapache2-mod-auth-openidc)
if [ "${1:-}" = --all ]; then
  dpkg-query -W ruby-omniauth-openid-connect ruby-sinatra puma >/dev/null 2>&1 || missing+=(ruby ruby-omniauth-openid-connect ruby-sinatra puma)
fi
if [ ${#missing[@]} -gt 0 ]; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
  else
    echo "install these first: ${missing[*]}" >&2
    exit 1
  fi
fi

say "formatting"
cargo fmt --all --check

say "clippy, warnings denied"
cargo clippy --workspace --all-targets --locked -- -D warnings

say "building everything once"
cargo build --workspace --all-targets --locked

say "a throw-away PostgreSQL"
eval "$(.ci/postgres)"
trap '.ci/postgres stop' EXIT

say "all tests, on both databases"
cargo test --workspace --locked

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

say "browser: sign-in, consent, sign-out in Chromium; screenshots in artifacts/"
python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" install --quiet --disable-pip-version-check selenium -r examples/relying-party-python/requirements.txt
"$tools/venv/bin/python" .ci/browser.py

say "examples: three client libraries and an API against a real server"
(cd examples/relying-party-node && npm install --no-audit --no-fund --no-package-lock --loglevel=error)
EXAMPLE_PYTHON="$tools/venv/bin/python" "$tools/venv/bin/python" .ci/examples.py

say "other projects' clients, set up by the pages of docs/connect/: sign-in, refresh, key rotation, sign-out"
python3 .ci/clients/run.py ${1:+"$1"}

say "licences, sources and walls between crates (cargo-deny)"
command -v cargo-deny >/dev/null || [ -x "$tools/bin/cargo-deny" ] || cargo install --quiet --locked --root "$tools" cargo-deny
export PATH="$PATH:$tools/bin"
cargo deny --log-level error check bans licenses sources
cargo deny --log-level error check advisories || {
  status=$?
  # Advisories that could be read decide; a database that cannot be fetched is said, and does not.
  if [ -d "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" ] && [ -n "$(find "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" -name 'RUSTSEC-*' -print -quit 2>/dev/null)" ]; then exit $status; fi
  echo "advisories could NOT be checked: their database cannot be fetched from here"
}

say "a short fuzz of each target"
command -v cargo-fuzz >/dev/null || [ -x "$tools/bin/cargo-fuzz" ] || cargo install --quiet --locked --root "$tools" cargo-fuzz
for target in authorize token redirect_uri jws; do
  (cd crates/protocol && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" -- -max_total_time="${LATCHKEY_FUZZ_SECONDS:-15}" -max_len=4096 -verbosity=0)
done

say "all checks passed"
