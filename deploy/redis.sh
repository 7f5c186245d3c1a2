#!/bin/sh
# Starts Redis with the users of redis-users.acl beside this file. Arguments go to redis-server.
#
# The password of user NAME is in the variable REDIS_NAME_PASSWORD; where that is empty there is no such user. Redis gets
# the hashes in a file of its own, so that no password is in an argument or in what the server can be asked for.
set -eu
umask 077
users=$(mktemp)
while read -r line; do
    case $line in
        "user default "* | "user "*" nopass "*) echo "$line" ;;
        "user "*)
            name=$(echo "$line" | cut -d " " -f 2)
            password=$(printenv "REDIS_$(echo "$name" | tr a-z A-Z)_PASSWORD" || true)
            if [ -n "$password" ]; then
                echo "$line #$(printf %s "$password" | sha256sum | cut -d " " -f 1)"
            fi
            ;;
    esac
done < "$(dirname "$0")/redis-users.acl" > "$users"
exec env -i PATH="$PATH" redis-server --aclfile "$users" "$@"
