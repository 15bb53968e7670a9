#!/usr/bin/env bash
# Plays a short session with the real programs in a folder of its own: an organization is founded, two people join, a
# message with a file waits for one whose node is stopped, and arrives; a group is made, and a guest asks at a desk; a
# stranger is turned away. Fails if anything is not as told. KEEP=1 leaves everything running. Needs bin/muster and bin/muster-rendezvous: make demo builds them.
set -euo pipefail
cd "$(dirname "$0")/.."
keep=${KEEP:-}
programs=$PWD/bin
export PATH=$programs:$PATH

here=$(mktemp -d "${TMPDIR:-/tmp}/muster-demo.XXXXXX")
pids=()
people=(ada bo cy gil)

# --- what ends, also on failure and Ctrl-C

finish() {
	local status=$?
	trap - EXIT INT TERM
	if ((status != 0 && status != 130)); then
		echo
		echo "The demo failed. What the programs said last:"
		for log in "$here"/*.log; do
			[[ -s $log ]] && printf -- '-- %s\n' "${log##*/}" && tail -n 15 "$log"
		done
	elif [[ $status == 0 && -n $keep ]]; then
		return
	fi
	stop_all
	rm -rf "$here"
	exit "$status"
}

stop_all() {
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do kill "$pid" 2>/dev/null || true; done
	for pid in ${pids[@]+"${pids[@]}"}; do
		within 10 gone "$pid" || kill -9 "$pid" 2>/dev/null || true
	done
}

gone() { ! kill -0 "$1" 2>/dev/null; }

trap finish EXIT
trap 'exit 130' INT TERM

# --- how things are told and done

step=0
tell() { # TEXT: the next step
	step=$((step + 1))
	printf '\n%d. %s\n' "$step" "$1"
}

note() { printf '   %s\n' "$@"; }

fail() {
	printf '   NOT AS IT SHOULD BE: %s\n' "$1"
	exit 1
}

show() { # COMMAND...: shows it, runs it, shows what it prints
	printf '   $%s\n' "$(shortened "$@")"
	timeout 60 "$@" 2>&1 | sed 's/^/     /'
}

shortened() { # a command as a person would type it; links are too long to read
	local word
	for word in "$@"; do
		case $word in
		muster:*) printf ' %.24s…' "$word" ;;
		"$here"/*) printf ' %s' "${word#"$here"/}" ;;
		*[!A-Za-z0-9_./:=-]*) printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
}

within() { # SECONDS COMMAND...: runs it again and again until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.2
	done
}

text_of() { # NAME: the first text of that name in JSON on stdin
	grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4
}

number_of() { # NAME: the same for a number
	grep -o "\"$1\":[0-9]*" | head -n 1 | cut -d : -f 2
}

start_node() { # PERSON
	printf '   $ muster start --dir %s --key-file %s.key &\n' "$1" "$1"
	muster start --dir "$here/$1" --key-file "$here/$1.key" >>"$here/$1.out" 2>>"$here/$1.log" &
	pids+=($!)
	printf -v "pid_$1" '%s' $!
	within 20 muster status --dir "$here/$1" || fail "the node of $1 does not start"
}

stop_node() { # PERSON
	local name=pid_$1
	kill "${!name}"
	within 15 gone "${!name}" || fail "the node of $1 does not stop"
	local pid left=()
	for pid in "${pids[@]}"; do [[ $pid == "${!name}" ]] || left+=("$pid"); done
	pids=("${left[@]}")
}

# --- what is asked again and again

point=$here/rendezvous # the rendezvous node's folder

point_status() { muster-rendezvous status --dir "$point" --json; }
entries() { point_status | number_of entries; }
queue_is() { [[ $(entries) == "$1" ]]; }
asks() { muster contacts --dir "$here/$1" --json | grep "\"state\":\"$2\""; }
has_mail() { muster inbox --dir "$here/$1" --json | grep "\"id\":\"$2\""; }
has_text() { muster inbox --dir "$here/$1" --json | grep -F "\"text\":\"$2\""; }
in_group() { muster group show Crew --dir "$here/$1" --json | grep "\"standing\":\"$2\""; }
is_desk() { muster admin members --dir "$here/$1" --json | grep '"role":"desk"'; }
delivered() { muster read "$2" --dir "$here/$1" --json | grep '"state":"delivered"'; }

hex() { od -An -v -tx1 "$@" | tr -d ' \n'; } # a file or stdin as one line of hexadecimal digits

# Every byte of the rendezvous node's folder, but zeroes: most of its files have large holes. What is looked for is
# compared without its zeroes too, so nothing that is there can be missed.
dump() { find "$point" -type f -exec cat {} + | tr -d '\000' | hex >"$here/dump"; }

dumped() { # HEX: whether the last dump holds the bytes
	grep -F "$(fold -w 2 <<<"$1" | grep -v '^00$' | tr -d '\n')" "$here/dump" >/dev/null
}

files_with() { # TEXT DIR...: how many files hold it
	local text=$1
	shift
	{ grep -rlaF "$text" "$@" 2>/dev/null || true; } | wc -l | tr -d ' '
}

# --- the session

[[ -x $programs/muster && -x $programs/muster-rendezvous ]] || { echo "make build first" && exit 2; }
go build -o "$here/stranger" ./internal/e2e/stranger
SECONDS=0
echo "Everything is in $here."

tell "A rendezvous node starts. It prints a claim link: who has it can found one organization here."
printf '   $ muster-rendezvous run --dir rendezvous --listen /ip4/127.0.0.1/tcp/0 --listen /ip4/127.0.0.1/udp/0/quic-v1 &\n'
muster-rendezvous run --dir "$point" --listen /ip4/127.0.0.1/tcp/0 --listen /ip4/127.0.0.1/udp/0/quic-v1 \
	>"$here/claim" 2>"$here/rendezvous.log" &
pids+=($!)
within 20 grep -q '^muster:claim/' "$here/claim" || fail "there is no claim link"
claim=$(<"$here/claim")
note "  ${claim:0:60}…"

tell "Ada starts her node and founds the organization with the link. Her words are shown once, to be written down."
start_node ada
show muster org create Lighthouse --claim "$claim" --as Ada --dir "$here/ada"

tell "Ada invites two people. Bo and Cy start their nodes and join."
printf '   $ muster invite --uses 2 --dir ada\n'
invitation=$(muster invite --uses 2 --dir "$here/ada" --json | text_of invitation)
note "  ${invitation:0:60}…"
for person in bo cy; do
	start_node "$person"
	printf '   $ muster join %.24s… --as %s --dir %s\n' "$invitation" "${person^}" "$person"
	timeout 60 muster join "$invitation" --as "${person^}" --dir "$here/$person" --json | text_of member |
		sed "s/^/     ${person^} is member /"
done

tell "Ada introduces herself to Bo, in at most 140 characters, and Bo accepts: now both may write. Cy, who has not, may not."
show muster introduce Bo 'Ada here, from the lighthouse.' --dir "$here/ada"
within 20 asks bo asks || fail "the introduction does not come"
show muster contacts --dir "$here/bo"
show muster accept Ada --dir "$here/bo"
within 20 asks ada acquainted || fail "Ada does not learn that Bo accepted"
show muster send Bo -m 'Anybody there?' --dir "$here/cy" && exit=0 || exit=$?
((exit == 4)) || fail "Cy's message ended with exit status $exit, not 4 for refused"

tell "Bo's node is stopped. The rendezvous node holds nothing."
stop_node bo
within 20 queue_is 0 || fail "something is still in the queue"
show muster-rendezvous status --dir "$point"

tell "Ada sends Bo a message with a file. It waits at the rendezvous node."
marker="the-lamp-burns-$RANDOM$RANDOM"
awk -v marker="$marker" 'BEGIN { for (i = 1; i <= 6000; i++) printf "%05d %s and the fog is thick on the north side\n", i, marker }' \
	>"$here/log-book.txt"
note "log-book.txt has $(wc -c <"$here/log-book.txt" | tr -d ' ') bytes; each line says $marker."
printf '   $ muster send Bo -s Log -m "Read this: %s" -a log-book.txt --dir ada\n' "$marker"
id=$(timeout 60 muster send Bo -s Log -m "Read this: $marker" -a "$here/log-book.txt" --dir "$here/ada" --json | text_of id)
queue_grew() { ((bytes = $(point_status | number_of bytes), bytes >= $(wc -c <"$here/log-book.txt"))); }
within 20 queue_grew || fail "the message is not in the queue"
within 20 muster read "$id" --dir "$here/ada"
queue_still() { local before; before=$(entries) && sleep 0.3 && [[ $(entries) == "$before" ]]; }
within 20 queue_still || true
show muster-rendezvous status --dir "$point"

tell "What the rendezvous node stores of it is sealed, and so is what everybody's own node stores."
note "files that hold the words \"$marker\": $(files_with "$marker" "$point" "$here"/{ada,bo,cy})"
[[ $(files_with "$marker" "$point" "$here"/{ada,bo,cy}) == 0 ]] || fail "there is plaintext on the disk"
segment=$(find "$point/queue" -name 'seg-*.log' -size +64k | sort | tail -n 1)
[[ -n $segment ]] || fail "no segment of the queue holds the file"
size=$(wc -c <"$segment")
sample=$(hex -j $((size / 2)) -N 64 "$segment")
number=${segment##*/seg-}
slot=$(cat "$point"/queue/slots-* | hex | fold -w 256 | grep "^${number%.log}" || true)
[[ -n $slot ]] || fail "the segment has no key"
note "It lies in queue/${segment##*/} ($size bytes), sealed once more under a key of the queue's."
note "64 bytes from the middle of it: ${sample:0:40}…"
note "the key's slot:                 ${slot:16:40}…"
dump
dumped "$sample" || fail "the sample is not in the folder"
dumped "$slot" || fail "the key is not in the folder"

tell "Bo's node starts and shows the message. The file is the same, byte for byte."
start_node bo
within 30 has_mail bo "$id" || fail "the message does not arrive"
show muster inbox --dir "$here/bo"
within 30 muster read "$id" --save "$here/warm-up" --dir "$here/bo" || fail "the file does not arrive"
show muster read "$id" --save "$here/saved" --dir "$here/bo"
show cmp "$here/log-book.txt" "$here/saved/log-book.txt"
note "the same"

tell "The queue is empty, and Ada knows that Bo has the message."
within 20 queue_is 0 || fail "the queue is not empty"
within 20 delivered ada "$id" || fail "Ada has no receipt"
show muster-rendezvous status --dir "$point"
show muster read "$id" --dir "$here/ada"

tell "The message's bytes are gone from the rendezvous node's folder: within a minute of quiet (this takes some 20 seconds)."
drained() { [[ ! -e $segment && -z $(find "$point/queue" -type f -size +64k) ]]; }
within 60 drained || fail "sealed bytes are still in the queue's folder"
dump
! dumped "$slot" || fail "the key is still there"
note "the key's slot is overwritten: whatever a disk may keep of the segment opens no more"
! dumped "$sample" || fail "the sealed bytes are still there"
note "queue/${segment##*/} is gone, and the 64 bytes are nowhere in the folder"
note "files that hold the words \"$marker\": $(files_with "$marker" "$point" "$here"/{ada,bo,cy})"
[[ $(files_with "$marker" "$point" "$here"/{ada,bo,cy}) == 0 ]] || fail "there is plaintext on the disk"

tell "Ada makes a group, and Bo and Cy enter it. One post reaches all; Cy, whom Ada never let write, may write there."
show muster group create Crew Bo Cy --dir "$here/ada"
for person in bo cy; do
	within 20 in_group "$person" invited || fail "$person is not invited"
	printf '   $ muster group join Crew --dir %s\n' "$person"
	timeout 60 muster group join Crew --dir "$here/$person" >/dev/null
done
show muster send Crew -m 'Who lights the lamp?' --dir "$here/ada"
within 20 has_text cy 'Who lights the lamp?' || fail "the group's message does not come"
show muster send Crew -m 'I do. Cy' --dir "$here/cy"
within 20 has_text ada 'I do. Cy' || fail "Cy's message to the group does not come"

tell "Ada has Cy answer the public, and publishes a link. Gil joins by it as a guest, who can write to the desk and to nobody else."
show muster admin role Cy desk --dir "$here/ada"
within 20 is_desk cy || fail "Cy does not learn of it"
printf '   $ muster invite --open --dir ada\n'
published=$(muster invite --open --dir "$here/ada" --json | text_of invitation)
note "  ${published:0:60}…"
start_node gil
printf '   $ muster join %.24s… --as Gil --dir gil\n' "$published"
timeout 60 muster join "$published" --as Gil --dir "$here/gil" >/dev/null
show muster contacts --all --dir "$here/gil"
show muster send desk -m 'When is the tower open?' --dir "$here/gil"
within 20 has_text cy 'When is the tower open?' || fail "the question does not come"
question=$(has_text cy 'When is the tower open?' | grep -o '"id":"[a-z2-7]*","org' | tail -n 1 | cut -d '"' -f 4)
show muster send --reply "$question" -m 'From ten to four.' --dir "$here/cy"
within 20 has_text gil 'From ten to four.' || fail "the answer does not come"
show muster inbox --dir "$here/gil"
show muster send Bo -m 'And you?' --dir "$here/gil" && exit=0 || exit=$?
((exit == 5)) || fail "Gil's message to Bo ended with exit status $exit, not 5 for not found"
within 20 queue_is 0 || fail "the queue is not empty"

tell "A stranger has a sound host, every address and Bo's name, and no invitation."
status=$(point_status)
address=$(grep -o '"/ip4/127.0.0.1/tcp/[0-9]*"' <<<"$status" | head -n 1 | tr -d '"')
show "$here/stranger" -node "$(text_of node <<<"$status")" -addresses "$address" -org "$(text_of org <<<"$status")" \
	-member "$(muster status --dir "$here/bo" --json | text_of device)"
queue_is 0 || fail "something of the stranger's is in the queue"

printf '\nThat was all, in %d seconds. ' "$SECONDS"
if [[ -n $keep ]]; then
	cat <<END
The nodes of ${people[*]} and the rendezvous node are still running. Go on by hand:

  export PATH=$programs:\$PATH
  cd $here
  muster send Bo -m 'Good night.' --dir ada
  muster inbox --dir bo
  muster watch --dir bo
  muster introduce Ada 'Cy here.' --dir cy; muster accept Cy --dir ada
  muster group show Crew --dir bo
  muster presence share everybody --dir bo; muster presence Bo --dir ada
  muster-rendezvous status --dir rendezvous

To stop them and remove everything:

  kill ${pids[*]}; rm -rf $here
END
else
	cat <<END
Everything is stopped and removed. Go on by hand:

  make demo KEEP=1                        # the same, and leaves everything running
  bin/muster-rendezvous run               # prints a claim link
  bin/muster start                        # in a second terminal; then, in a third:
  bin/muster org create NAME --claim LINK --as YOU
  bin/muster invite                       # and elsewhere: muster start; muster join LINK --as NAME
END
fi
