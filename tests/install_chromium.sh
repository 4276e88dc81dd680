#!/usr/bin/env bash
# Sees to a Chromium for the browser tests; where it cannot, those tests skip and this says what to do.
set -euo pipefail

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null; then exit 0; fi
done

if ! command -v apt-get >/dev/null; then
    echo "There is no Chromium, so the browser tests will skip: install Chromium or Chrome to run them."
elif [ "$(id -u)" -ne 0 ]; then
    echo "There is no Chromium, so the browser tests will skip: sudo apt-get install chromium"
else
    echo "Installing Chromium for the browser tests ..."
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null \
        || echo "Chromium could not be installed, so the browser tests will skip."
fi
