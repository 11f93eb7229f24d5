# hosts.bats - ~/.config/zcp/config with a real zcpd: names, ports, keys, networks; what comes first; whose file it may be. tests/unit/host_config.c has every line that is wrong.
load helpers

setup()    { T=$BATS_TEST_TMPDIR RELAY=; mkdir "$T/root"; }
teardown() { relay_stop; zcpd_stop; }

# config LINE...: the default file
config() { mkdir -p "$XDG_CONFIG_HOME/zcp"; printf '%s\n' "$@" >"$XDG_CONFIG_HOME/zcp/config"; }
# by_config ARG...: the client, trusting this daemon, with no port named but the file's; one stream. Not the relay's descriptors
by_config() { zcp_raw --host-key="$HOSTKEY" -j 1 "$@" 8>&- 9>&-; }
another_key() { zcp_raw -i "$1" --public-key 2>/dev/null; }     # FILE

plain()  { assert_line --regexp "^zcp: .*: plaintext, .*: .*$1"; refute_line --regexp '^zcp: .*: encrypted'; }
sealed() { assert_line --regexp "^zcp: .*: encrypted with suite .*: .*$1"; refute_line --regexp '^zcp: .*: plaintext'; }

@test "an alias: its address, port and key, both ways; messages keep the name as it was typed" {
	private_home
	another_key "$T/home/nas key" >"$T/keys"
	zcpd_start --authorized-keys "$T/keys"
	echo hello >"$ROOT/f"
	# the default identity is not let in
	config "Host nas" "  HostName 127.0.0.1" "  Port $PORT"
	run -40 by_config nas:f "$T/f"
	assert_line --regexp "^zcp: nas:$PORT: refused: .*not authorised"
	config "Host nas" "  HostName 127.0.0.1" "  Port $PORT" '  Identity "~/nas key"'
	run -0 by_config -v nas:f "$T/f"
	cmp "$ROOT/f" "$T/f"
	assert_line "zcp: nas:$PORT is 127.0.0.1, as $XDG_CONFIG_HOME/zcp/config says"
	run -0 by_config "$T/f" "NAS:up"
	cmp "$T/f" "$ROOT/up"
	run -0 by_config "$T/f" "zcp://nas/up2"
	cmp "$T/f" "$ROOT/up2"
	run -3 by_config nas:none "$T/none"
	assert_output --partial "nas:none: "
	refute_output --partial '127.0.0.1'
}

@test "an alias' identity that is missing is not made: status 1, and how to make it" {
	private_home
	config "Host nas" "HostName 127.0.0.1" "Port 1" "Identity $T/none"
	run -1 zcp_raw nas:f "$T/f"
	assert_output --partial "identity $T/none: no such file; \`zcp -i $T/none --public-key\` makes one"
	assert_not_exists "$T/none"
}

@test "known_hosts has the name that was looked up, so that two aliases are one host there; a changed key says what to forget" {
	zcpd_start
	echo hello >"$ROOT/f"
	config "Host a b" "HostName 127.0.0.1" "Port $PORT" "Host c" "HostName localhost" "Port $PORT"
	run -41 zcp_raw a:f "$T/f"
	run -0 zcp_raw --accept-new a:f "$T/f"
	assert_equal "$(cut -d' ' -f1 "$XDG_CONFIG_HOME/zcp/known_hosts")" "127.0.0.1:$PORT"
	run -0 zcp_raw b:f "$T/f"
	run -0 zcp_raw "zcp://127.0.0.1:$PORT/f" "$T/f"
	run -41 zcp_raw c:f "$T/f"                      # another name is another host
	sed -i "s/ zcp-x25519 .*/ zcp-x25519 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=/" "$XDG_CONFIG_HOME/zcp/known_hosts"
	run -42 zcp_raw b:f "$T/f"
	assert_line --partial "b:$PORT: THE HOST'S KEY HAS CHANGED"
	assert_line --partial "zcp --forget-host 127.0.0.1:$PORT"
	# which looks at no configuration
	config nonsense
	run -0 zcp_raw --forget-host "127.0.0.1:$PORT"
	run -0 zcp_raw --public-key
}

@test "two aliases of one host in one command are one host; with two keys, or two ports, they are not" {
	zcpd_start
	echo f >"$ROOT/f"; echo g >"$ROOT/g"; echo h >"$ROOT/h"
	mkdir "$T/out"
	config "Host a b c d" "HostName 127.0.0.1" "Host *" "Port $PORT" "Host c" "Identity $T/c" "Host e" "HostName 127.0.0.1"
	run -0 by_config a:f b:g "$T/out"
	cmp "$ROOT/f" "$T/out/f"
	cmp "$ROOT/g" "$T/out/g"
	run -0 by_config A:f 127.0.0.1:g e:h "$T/out"
	run -1 by_config a:f c:g "$T/out"
	assert_output --partial "one host by two names, whose Identity or Plaintext differ"
	run -0 by_config -i "$XDG_CONFIG_HOME/zcp/identity" a:f c:g "$T/out"
	config "Host a" "HostName 127.0.0.1" "Plaintext 10.0.0.0/8" "Host b" "HostName 127.0.0.1" "Host *" "Port $PORT"
	run -1 by_config a:f b:g "$T/out"
	assert_output --partial "whose Identity or Plaintext differ"
	run -0 by_config --encrypt a:f b:g "$T/out"
	config "Host a" "HostName 127.0.0.1" "Port 1" "Host b" "HostName 127.0.0.1" "Port $PORT"
	run -1 by_config a:f b:g "$T/out"
	assert_output --partial "the sources are on different hosts"
	run -0 by_config -P "$PORT" a:f b:g "$T/out"
}

@test "-F names another file, which must be there; -F none stands for none" {
	zcpd_start
	echo hello >"$ROOT/f"
	config "Host nas.invalid" "HostName 127.0.0.1" "Port 1"
	printf '%s\n' "Host nas.invalid" "HostName 127.0.0.1" "Port $PORT" >"$T/other"
	local form
	for form in "-F $T/other" "-F$T/other" "--config=$T/other" "--config $T/other"; do
		# shellcheck disable=SC2086
		run -0 by_config $form nas.invalid:f "$T/f"
	done
	run -10 by_config nas.invalid:f "$T/f"
	run -10 by_config -F none nas.invalid:f "$T/f"
	assert_output --partial "nas.invalid:7722: the host has no address"
	run -0 by_config --config=none "zcp://127.0.0.1:$PORT/f" "$T/f"
	run -1 by_config -F "$T/missing" nas.invalid:f "$T/f"
	assert_line "zcp: $T/missing: no such file or directory"
	run -1 by_config -F '' nas.invalid:f "$T/f"
	run -1 by_config -F /dev/null nas.invalid:f "$T/f"
	assert_output --partial "-F none: no file"
	# the default one may be missing
	rm "$XDG_CONFIG_HOME/zcp/config"
	run -0 by_config "zcp://127.0.0.1:$PORT/f" "$T/f"
	unset XDG_CONFIG_HOME
	mkdir -p "$HOME/.config/zcp"
	cp "$T/other" "$HOME/.config/zcp/config"
	run -0 by_config -i "$T/client/zcp/identity" nas.invalid:f "$T/f"
}

@test "the command line comes first: -P, a port in the address, -i" {
	private_home
	another_key "$T/good" >"$T/keys"
	another_key "$T/bad" >/dev/null
	zcpd_start --authorized-keys "$T/keys"
	echo hello >"$ROOT/f"
	config "Host *" "HostName 127.0.0.1" "Port 1" "Identity $T/bad"
	run -10 by_config -i "$T/good" nas:f "$T/f"      # no daemon is on port 1
	assert_output --partial "nas:1: connection refused"
	run -0 by_config -i "$T/good" -P "$PORT" nas:f "$T/f"
	run -0 by_config -i "$T/good" "zcp://nas:$PORT/f" "$T/f"
	run -0 by_config -i "$T/good" -P 2 "zcp://nas:$PORT/f" "$T/f"
	run -40 by_config -P "$PORT" nas:f "$T/f"
	config "Port $PORT" "HostName 127.0.0.1" "Identity $T/good"
	run -0 by_config nas:f "$T/f"
	run -40 by_config -i "$T/bad" nas:f "$T/f"
}

@test "a mistake in it, also in another host's block: status 1 with file and line, and nothing is done" {
	zcpd_start
	echo hello >"$ROOT/f"
	local line say
	while IFS='|' read -r line say; do
		config "Host 127.0.0.1" "Port $PORT" "" "Host other" "$line"
		run -1 zcp_raw 127.0.0.1:f "$T/f"
		assert_output "zcp: $XDG_CONFIG_HOME/zcp/config, line 5: $say"
	done <<-'E'
	User me|'User': there is no such keyword: those there are: Host, HostName, Port, Identity, Plaintext
	Port 70000|Port: '70000': not a whole number from 1 to 65535
	Plaintext 10.0.0.1/8|Plaintext: '10.0.0.1/8': not a network: its bits behind the / are not 0 (10.0.0.0/8); one address has no /
	Integrity none|'Integrity': there is no such keyword: those there are: Host, HostName, Port, Identity, Plaintext
	HostName "nas|HostName: a quote without its end
	E
	assert_not_exists "$T/f"
	assert_not_exists "$XDG_CONFIG_HOME/zcp/known_hosts"
	run -0 by_config -F none -P "$PORT" 127.0.0.1:f "$T/f"
}

@test "a file that others can write is refused, whichever way it is named" {
	zcpd_start
	echo hello >"$ROOT/f"
	config "Host nas" "HostName 127.0.0.1" "Port $PORT"
	local file=$XDG_CONFIG_HOME/zcp/config mode
	for mode in 664 646; do
		chmod $mode "$file"
		run -1 by_config nas:f "$T/f"
		assert_output "zcp: $file: others can write it, it is another user's, or no regular file: chmod go-w (-F none: no file)"
		run -1 by_config -F "$file" nas:f "$T/f"
	done
	# it is the file that counts, not a link's mode
	chmod 664 "$file"
	ln -s "$file" "$T/link"
	run -1 by_config -F "$T/link" nas:f "$T/f"
	chmod 644 "$file"
	run -0 by_config -F "$T/link" nas:f "$T/f"
}

@test "a file of another user is refused" {
	need_root
	zcpd_start
	echo hello >"$ROOT/f"
	config "Host nas" "HostName 127.0.0.1" "Port $PORT"
	chown 65534 "$XDG_CONFIG_HOME/zcp/config"
	run -1 by_config nas:f "$T/f"
	assert_output --partial "it is another user's"
}

# raw ways through a relay, which no proof of one machine holds for: only the networks decide
@test "Plaintext: where zcpd allows it contents are in clear on the wire, both ways, and -v says whose word it was" {
	mkmarked "$T/root/named-aloud" 300000
	mkmarked "$T/up-aloud" 300000
	zcpd_start --plaintext-from 127.0.0.0/8
	relay_start
	config "Host nas" "HostName 127.0.0.1" "Port $RELAY_PORT" "Plaintext 10.0.0.0/8 127.0.0.0/8"
	run -0 by_config -v nas:named-aloud "$T/down"
	plain "zcp's configuration and zcpd allow it on this network"
	refute_output --partial "not verified"
	run -0 by_config -v "$T/up-aloud" nas:up
	plain "zcp's configuration and zcpd allow it on this network"
	cmp "$T/root/named-aloud" "$T/down"
	cmp "$T/up-aloud" "$T/root/up"
	relay_stop
	grep -aqF "$MARK" "$T/cap.s2c"
	grep -aqF "$MARK" "$T/cap.c2s"
	run ! grep -aqF "aloud" "$T/cap.c2s" "$T/cap.s2c"
}

@test "Plaintext: where zcpd does not allow it contents are encrypted, and that is no failure" {
	mkmarked "$T/root/f" 300000
	zcpd_start --plaintext-from 10.0.0.0/8
	relay_start
	config "Host nas" "HostName 127.0.0.1" "Port $RELAY_PORT" "Plaintext 127.0.0.0/8"
	run -0 by_config -v nas:f "$T/down"
	sealed "zcpd does not allow plaintext from here"
	run -0 by_config "$T/down" nas:up
	assert_output ""
	run -0 by_config --engine=mmap "$T/down" nas:up
	cmp "$T/root/f" "$T/root/up"
	# which --plaintext is
	run -4 by_config --plaintext nas:f "$T/none"
	assert_output --partial "zcpd does not allow plaintext from here"
	relay_stop
	[ "$(crossed | wc -c)" -gt 900000 ]
	run ! grep -aqF "$MARK" "$T/cap.c2s" "$T/cap.s2c"
}

@test "Plaintext: an export that allows it and one that does not, in one copy: each its way" {
	private_home
	mkdir -p "$T/root/open" "$T/root/closed" "$T/state"
	mkmarked "$T/root/open/f" 300000
	sed 's/ZCP-MARKER/ZCP-SECRET/g' "$T/root/open/f" >"$T/root/closed/g"
	zcp_raw --public-key >"$T/keys" 2>/dev/null
	printf '%s\n' "authorized-keys = \"$T/keys\"" 'plaintext-from = {"127.0.0.0/8"}' 'status-socket = none' "export open {" "path = \"$T/root/open\"" "}" \
		"export closed {" "path = \"$T/root/closed\"" "plaintext-from = none" "}" >"$T/conf"
	ZCPD_MODE="--config $T/conf" zcpd_start
	relay_start
	config "Host nas" "HostName 127.0.0.1" "Port $RELAY_PORT" "Plaintext 127.0.0.1"
	mkdir "$T/out"
	run -0 by_config nas:open/f nas:closed/g "$T/out"
	cmp "$T/root/open/f" "$T/out/f"
	cmp "$T/root/closed/g" "$T/out/g"
	run -0 by_config -r nas:open nas:closed "$T/out"
	run -4 by_config --plaintext nas:closed/g "$T/out"
	relay_stop
	grep -aqF "ZCP-MARKER" "$T/cap.s2c"
	run ! grep -aqF "ZCP-SECRET" "$T/cap.s2c"
}

@test "Plaintext: not for another network, not after none, not against --encrypt; --plaintext needs no file" {
	mkmarked "$T/root/f" 300000
	zcpd_start --plaintext-from 127.0.0.0/8
	relay_start
	config "HostName 127.0.0.1" "Port $RELAY_PORT" "Host other" "Plaintext 128.0.0.0/8 fd00::/8 ::1" "Host none" "Plaintext none" "Host *" "Plaintext 127.0.0.1"
	run -0 by_config -v other:f "$T/down"
	sealed "not proved to be one machine"
	run -0 by_config -v none:f "$T/down"
	sealed "not proved to be one machine"
	run -0 by_config -v --encrypt nas:f "$T/down"
	sealed "asked for"
	[ "$(crossed 2>/dev/null | wc -c)" = 0 ]        # it is written at the end
	run -4 by_config --integrity=none nas:f "$T/down"
	assert_output --partial "--integrity=none: only together with --plaintext"
	relay_stop
	[ "$(crossed | wc -c)" -gt 900000 ]
	run ! grep -aqF "$MARK" "$T/cap.c2s" "$T/cap.s2c"
	relay_start
	sed -i "s/^Port .*/Port $RELAY_PORT/" "$XDG_CONFIG_HOME/zcp/config"
	run -0 by_config -v nas:f "$T/down"
	plain "zcp's configuration"
	run -0 by_config -v --plaintext none:f "$T/down"
	plain "both ends allow it on this network"
}

@test "Plaintext: every stream of a job, and a further attempt, decide alike" {
	mkmarked "$T/root/f" 24000000
	zcpd_start --plaintext-from 127.0.0.0/8
	relay_start --cut s2c:15000000:fin
	config "Host nas" "HostName 127.0.0.1" "Port $RELAY_PORT" "Plaintext 127.0.0.0/8"
	run -0 by_config -v -j 1 --retries=5 nas:f "$T/one"
	assert_line --partial "trying again"
	plain "zcp's configuration"
	cmp "$T/root/f" "$T/one"
	relay_stop
	relay_start
	sed -i "s/^Port .*/Port $RELAY_PORT/" "$XDG_CONFIG_HOME/zcp/config"
	run -0 by_config -v -j 4 --bwlimit=20M nas:f "$T/four"         # slow enough for all four to come up
	assert_line --regexp 'over 4 streams; limited by: '
	plain "zcp's configuration"
	cmp "$T/root/f" "$T/four"
	relay_stop
	# all lines of both copies, but for those that a record or another stream's bytes cut in two
	local lines
	lines=$(grep -aoF "$MARK" "$T/cap.s2c" | wc -l)
	[ "$lines" -ge $((2 * 24000000 / (${#MARK} + 9) * 99 / 100)) ] || fail "$lines lines in clear"
}

@test "on one machine, proved, the file changes nothing; its networks do not make less raw" {
	mkmarked "$T/root/f" 300000
	zcpd_start --plaintext-from 127.0.0.0/8
	config "HostName 127.0.0.1" "Port $PORT" "Plaintext 127.0.0.0/8"
	run -0 by_config -v nas:f "$T/down"
	plain "proved to be one machine"
	config "HostName 127.0.0.1" "Port $PORT" "Plaintext none"
	run -0 by_config -v nas:f "$T/down"
	plain "proved to be one machine"
}

@test "the example in zcp.1 is right" {
	private_home
	mkdir -p "$HOME/.config/zcp"
	another_key "$HOME/.config/zcp/nas-key" >"$T/keys"
	zcpd_start --authorized-keys "$T/keys"
	echo hello >"$ROOT/film.mkv"
	sed -n '/^\.SH HOST CONFIGURATION/,/^\.SH ENGINES/{/^\.nf/,/^\.fi/{/^\./d;p}}' "$ZCP_TOP/man/zcp.1" | sed 's/\\-/-/g; s/10\.0\.0\.7/127.0.0.1/' >"$T/example"
	assert_equal "$(grep -c '^Host ' "$T/example")" 4
	run -0 by_config -v -F "$T/example" -P "$PORT" nas:film.mkv "$T/f"
	assert_line --partial "is 127.0.0.1, as $T/example says"
	# whoever answers there is not the host that is asked for
	printf '%s\n' "Host *" "HostName 127.0.0.1" >>"$T/example"
	run ! by_config -F "$T/example" x.lab:f "$T/g"
	assert_output --partial "x.lab:7000: "
	run ! by_config -F "$T/example" gate.lab:f "$T/g"
	assert_output --partial "gate.lab:7722: "
}

@test "popt's aliases stay beside it, and may name a file" {
	zcpd_start
	echo hello >"$ROOT/f"
	printf '%s\n' "Host nas" "HostName 127.0.0.1" "Port $PORT" >"$T/other"
	config "Host nas" "Port 1"
	printf '%s\n' "zcp alias --lab -F $T/other -v" >"$HOME/.popt"
	run -0 by_config --lab nas:f "$T/f"
	assert_line --partial "is 127.0.0.1, as $T/other says"
}
