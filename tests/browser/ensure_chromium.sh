#!/bin/sh
# Prints the path of a Chromium. Where there is none, installs Debian's if that is allowed, and
# fails with the command to type if it is not: a browser test is never skipped.
set -eu

find_chromium() {
    command -v chromium || command -v chromium-browser || command -v google-chrome
}

if find_chromium; then
    exit 0
fi
install="apt-get update && apt-get install -y --no-install-recommends chromium"
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "the browser tests need Chromium; type: sudo sh -c '$install'" >&2
    exit 1
fi
DEBIAN_FRONTEND=noninteractive sh -c "$install" >&2
find_chromium
