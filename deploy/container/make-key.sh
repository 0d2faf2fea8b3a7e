#!/bin/sh
# Makes the TSIG key that the nodes of compose.yaml sign transfers with, and keeps it in .env beside this script, from
# where compose takes it. Run it once; with a key already there it changes nothing.
set -eu
file=$(dirname "$0")/.env
if [ -e "$file" ]; then
    echo "$file is there already; remove it to make another key" >&2
    exit 0
fi
umask 077
secret=$(head -c 32 /dev/urandom | base64)
printf 'GSLB_TRANSFER_KEY=%s\n' "$secret" > "$file"
echo "made $file"
