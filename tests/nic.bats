# nic.bats - what zcp -v says of the interface that a job goes through: two network namespaces, a veth pair between them, features switched by ethtool -K.
load helpers
setup() {
	T=$BATS_TEST_TMPDIR
	HERE='' THERE=''
}
teardown() {
	local status=0 pid
	zcpd_stop || status=1
	for pid in $HERE $THERE; do { kill "$pid" && wait_gone "$pid"; } || status=1; done
	return $status
}

# namespace: a process that holds a network namespace of its own, its id in HELD
namespace() {
	mkfifo "$T/held"
	unshare -n -- sh -c 'echo up && exec tail -f /dev/null >/dev/null' >"$T/held" 2>"$T/held.err" </dev/null 3>&- 4>&- &
	HELD=$!
	read -r -t 20 _ <"$T/held" || fail "no network namespace: $(cat "$T/held.err")"
	rm "$T/held"
}
here()  { nsenter -t "$HERE" -n -- "$@" 3>&-; }
there() { nsenter -t "$THERE" -n -- "$@" 3>&-; }

# apart [ARG...]: the daemon in one namespace, 10.9.0.2 and fd09::2 on "far", and another one for the client, with "near"
apart() {
	namespace && HERE=$HELD
	namespace && THERE=$HELD
	here ip link add near type veth peer name far netns "$THERE"
	here ip link set lo up
	here ip addr add 10.9.0.1/24 dev near
	here ip addr add fd09::1/64 dev near nodad
	here ip link set near up
	there ip addr add 10.9.0.2/24 dev far
	there ip addr add fd09::2/64 dev far nodad
	there ip link set far up
	local ZCPD_WRAP=(nsenter -t "$THERE" -n --) ZCPD_LISTEN=:0
	zcpd_start --plaintext-from 10.9.0.0/24,fd09::/64 --authorized-keys "$T/client.pub"
	echo contents >"$T/f"
}
# said WORDS SRC DST [ARG...]: the job's line says this, and no other line speaks of scatter-gather
said() {
	local words=$1
	shift
	run -0 here "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 -v --plaintext "$@"
	assert_line --partial ": by $words"
	assert_equal "$(grep -c scatter-gather <<<"$output")" 1
}
UP="sendfile's last copy is gone as far as this interface; what lies behind it is not known here"
MOVED="sendfile's last copy is only moved: the kernel joins each packet's pages before the interface has it"
DOWN="this side receives: whether sendfile's last copy is gone, the sender's interface says, which is not known here"

@test "loopback has no card, whichever way and whoever asks; what is encrypted is copied into the socket" {
	zcpd_start
	echo contents >"$T/f"
	local only="127.0.0.1:$PORT: by lo: scatter-gather on, TSO on; this machine itself: with sendfile the receiver's copy is the only one"
	run -0 zcp -v "$T/f" 127.0.0.1:f
	assert_line "zcp: $only"
	run -0 zcp -v 127.0.0.1:f "$T/g"
	assert_line "zcp: $only"
	run -0 zcp -v --encrypt "$T/f" 127.0.0.1:f
	assert_line "zcp: 127.0.0.1:$PORT: by lo: scatter-gather on, TSO on; what is encrypted is copied into the socket, whatever the interface offers"
	run -0 zcp "$T/f" 127.0.0.1:f
	refute_output
	run -0 zcp -v --list 127.0.0.1:
	refute_output --partial scatter-gather
	cp -r "$T/client" "$T/theirs"
	! is_root || chown -R 65534 "$T/theirs"
	run -0 as_user env XDG_CONFIG_HOME="$T/theirs" XDG_STATE_HOME="$T/theirs" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -v "$T/f" 127.0.0.1:g
	assert_output --partial "$only"
}

@test "the line follows the interface's features, for IPv4 and IPv6, and says whose interface it is" {
	need_root
	apart
	said "near (veth): scatter-gather on, TSO on; $UP" "$T/f" 10.9.0.2:f
	said "near (veth): scatter-gather on, TSO on; $UP" "$T/f" "[fd09::2]:f"
	said "near (veth): scatter-gather on, TSO on; $DOWN" 10.9.0.2:f "$T/g"
	here ethtool -K near tx-tcp-segmentation off
	said "near (veth): scatter-gather on, TSO off; $UP" "$T/f" 10.9.0.2:f
	said "near (veth): scatter-gather on, TSO on; $UP" "$T/f" "[fd09::2]:f"
	here ethtool -K near tx-scatter-gather off
	said "near (veth): scatter-gather off, TSO off; $MOVED" "$T/f" 10.9.0.2:f
	said "near (veth): scatter-gather off, TSO off; $DOWN" 10.9.0.2:f "$T/g"
	here ethtool -K near sg on tso on
	said "near (veth): scatter-gather on, TSO on; $UP" "$T/f" 10.9.0.2:f
}

@test "an address of this machine's own is loopback, on whatever interface" {
	need_root
	namespace && HERE=$HELD
	here ip link add near type veth peer name far
	here ip link set lo up
	here ip addr add 10.9.0.1/24 dev near
	here ip addr add fd09::1/64 dev near nodad
	here ip link set near up
	local ZCPD_WRAP=(nsenter -t "$HERE" -n --) ZCPD_LISTEN=:0
	zcpd_start --plaintext-from 10.9.0.0/24,fd09::/64 --authorized-keys "$T/client.pub"
	echo contents >"$T/f"
	said "lo: scatter-gather on, TSO on; this machine itself" "$T/f" 10.9.0.1:f
	said "lo: scatter-gather on, TSO on; this machine itself" "$T/f" "[fd09::1]:f"
}

@test "without netlink the line says why it is not known, and the copy is made" {
	zcpd_start
	echo contents >"$T/f"
	traced() { strace -f -qq -o "$T/trace" -e trace=socket "$@" "$ZCP_BUILD/zcp" --host-key="$HOSTKEY" -P "$PORT" -j 1 -v "$T/f" 127.0.0.1:f 3>&-; }
	run -0 traced
	local nth
	nth=$(grep -n AF_NETLINK "$T/trace" | cut -d: -f1)
	[[ $nth =~ ^[0-9]+$ ]] || fail "not one netlink socket: $(cat "$T/trace")"
	run -0 traced -e inject=socket:error=EACCES:when="$nth"
	assert_line "zcp: 127.0.0.1:$PORT: which network interface leads there is not known: Permission denied"
	cmp "$T/f" "$ROOT/f"
}
