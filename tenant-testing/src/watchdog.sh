# Ends a server when nobody holds its line any more, and removes its folder.
#
#   sh watchdog.sh FOLDER GRACE PID_FILE SIGNAL   with the line on standard input, before the folder is made
#
# The server's process is the first line of FOLDER/PID_FILE, and SIGNAL ends it. Whoever needs the server holds the other end of the line: a pipe, or a FIFO that several processes have open. The
# kernel lets go of it when a process ends, in whatever way, so nothing else has to be remembered. What is written:
#   started, stopped   there may be a server now; there is none any more
#   an empty line      somebody came
# After the last holder, somebody may still come for GRACE seconds (0: nobody will).
#
# POSIX only. Its standard output is the locked file FOLDER.mark, which says that the folder is looked after; the line may
# be the FIFO FOLDER.line.

trap '' HUP INT TERM
folder=$1
grace=$2
pid_file=$folder/$3
signal=$4
state=stopped

nap() { sleep 0.02 2>/dev/null || sleep 1; }

# Reads until nobody holds the line. Whether anybody came meanwhile is in $came.
wait_for_the_last() {
    came=
    while read -r line; do
        came=yes
        case $line in ?*) state=$line ;; esac
    done
}

wait_for_the_last
while [ "$grace" -gt 0 ]; do
    sleep "$grace"
    wait_for_the_last
    [ -n "$came" ] || break
done

# From here on whoever comes sees this mark and goes elsewhere. Those who came just before it are waited for.
[ ! -d "$folder" ] || : >"$folder/closing"
wait_for_the_last

# The last holder may have been killed before the server wrote down its process.
tries=0
while [ "$state" = started ] && [ ! -s "$pid_file" ] && [ "$tries" -lt 100 ]; do
    nap
    tries=$((tries + 1))
done

if [ -s "$pid_file" ] && read -r pid <"$pid_file"; then
    # An immediate shutdown: what the server has is not needed again. The server removes the file last. Its process may
    # be listed for longer, dead and not yet reaped, so both are looked at.
    kill -"$signal" "$pid"
    # A process that is killed does nothing more, so there is nothing to wait for.
    [ "$signal" != KILL ] || rm -f "$pid_file"
    tries=0
    while [ -e "$pid_file" ] && kill -0 "$pid" && [ "$tries" -lt 500 ]; do
        nap
        tries=$((tries + 1))
    done
    [ ! -e "$pid_file" ] || kill -KILL "$pid"
fi

tries=0
until rm -rf "$folder" || [ "$tries" -ge 100 ]; do
    nap
    tries=$((tries + 1))
done
rm -f "$folder.line" "$folder.mark"
