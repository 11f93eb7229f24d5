# path.bats - no name, no link and no race leads out of the served directory, nor out of the client's destination.
load helpers

setup() { export T=$BATS_TEST_TMPDIR; FLIP=; }
teardown() { [ -z "$FLIP" ] || kill "$FLIP" 2>/dev/null || true; zcpd_stop; }

furnished() {
	zcpd_start
	mkdir -p "$T/outside/dir" "$ROOT/d/e"
	echo TOPSECRET >"$T/outside/secret"
	echo TOPSECRET >"$T/outside/dir/secret"
	echo fine >"$ROOT/d/f"
	ln -s "$T/outside" "$ROOT/abs"
	ln -s "$T/outside/secret" "$ROOT/abs-file"
	ln -s ../outside "$ROOT/rel"
	ln -s ../outside/secret "$ROOT/rel-file"
	ln -s ../../outside/dir "$ROOT/d/far"
	ln -s .. "$ROOT/d/up"
	ln -s /proc/self/root "$ROOT/proc"
	ln -s /proc/self/cwd "$ROOT/cwd"
	ln -s /proc/self/fd "$ROOT/fd"
	ln -s loop "$ROOT/loop"
	find "$T/outside" -printf '%p %T@ %C@ %s\n' | sort >"$T/before"
}
outside_is_untouched() { find "$T/outside" -printf '%p %T@ %C@ %s\n' | sort | diff "$T/before" -; }
nothing_leaked() { run ! grep -rq TOPSECRET "$@"; }

@test "paths that climb are refused by the client, with a hint: 3" {
	furnished
	for p in .. ../outside/secret d/../../outside/secret '~' '~root/x' /../outside; do
		run -3 zcp -r "127.0.0.1:$p" "$T/got"
		assert_output --partial "$p"
		run -3 zcp "$ROOT/d/f" "127.0.0.1:$p/"
		assert_file_not_exists "$T/got"
	done
	run -0 zcp 127.0.0.1:d/../d/./f "$T/got"
	assert_equal "$(cat "$T/got")" fine
	run -0 zcp 127.0.0.1:/d//f "$T/got2"
	assert_equal "$(cat "$T/got2")" fine
	outside_is_untouched
}

@test "names that no honest client sends are refused by the daemon, in every request" {
	furnished
	run /usr/bin/python3 "$ZCP_TOP/tests/peer/path.py" 3>&-
	[ "$status" = 0 ] || fail "$(grep -a -v '^ok ' <<<"$output")"
	outside_is_untouched
}

@test "links that leave the export give nothing out, and say which link" {
	furnished
	mkdir "$T/got"
	for p in abs/secret abs-file rel/secret rel-file d/far/secret "proc$T/outside/secret" fd/3; do
		run zcp "127.0.0.1:$p" "$T/got/"
		assert_failure
		assert_output --partial "${p%%/*}"
	done
	run -23 zcp -r 127.0.0.1: "$T/got/"
	for l in abs rel rel-file d/far proc cwd; do assert_output --partial "$l"; done
	assert_equal "$(cat "$T/got/d/f")" fine
	nothing_leaked "$T/got"
	mkdir "$T/kept"
	run -0 zcp -a 127.0.0.1: "$T/kept/"
	assert_equal "$(readlink "$T/kept/abs")" "$T/outside"
	outside_is_untouched
}

@test "nothing is stored through a link" {
	furnished
	echo evil >"$T/evil"
	mkdir -p "$T/tree/abs" "$T/tree/d/far"
	echo evil >"$T/tree/abs/secret"
	echo evil >"$T/tree/d/far/secret"
	for p in abs/ abs/secret rel/new d/far/secret proc/tmp/new "proc$T/outside/new" d/up/new2; do
		run zcp "$T/evil" "127.0.0.1:$p"
		assert_failure
	done
	run zcp -r "$T/tree/." 127.0.0.1:
	assert_failure
	[ -L "$ROOT/abs" ]
	[ -L "$ROOT/d/far" ]
	outside_is_untouched
}

@test "nothing is stored through a link at the client's destination, inside a tree" {
	furnished
	mkdir -p "$ROOT/t/in" "$T/got/t"
	echo new >"$ROOT/t/in/secret"
	echo new >"$ROOT/t/secret"
	ln -s "$T/outside" "$T/got/t/in"
	ln -s "$T/outside/secret" "$T/got/t/secret"
	run zcp -r 127.0.0.1:t "$T/got/"
	assert_failure
	outside_is_untouched
	no_litter "$T/got" "$T/outside"
}

flip() {        # A B
	mkfifo "$T/flip.in" "$T/flip.out"
	exec {FLIP_IN}<>"$T/flip.in" {FLIP_OUT}<>"$T/flip.out"
	/usr/bin/python3 "$ZCP_TOP/tests/peer/flipper.py" "$@" <"$T/flip.in" >"$T/flip.out" 2>"$T/flip.err" 3>&- &
	FLIP=$!
	read -r -t 20 _ <&"$FLIP_OUT"
}
flipped() {     # ends it; how often in FLIPPED
	echo end >&"$FLIP_IN"
	read -r -t 20 FLIPPED <&"$FLIP_OUT"
	wait "$FLIP"
	FLIP=
	exec {FLIP_IN}>&- {FLIP_OUT}>&-
	[ "$FLIPPED" -gt 0 ]
}
rounds() { if is_long; then echo 200; else echo 15; fi; }

race() {
	mkdir -p "$ROOT/r/d/sub" "$T/outside/sub"
	for i in {1..40}; do
		echo "fine $i" >"$ROOT/r/d/f$i"
		echo "fine $i" >"$ROOT/r/d/sub/f$i"
		echo "TOPSECRET $i" >"$T/outside/f$i"
		echo "TOPSECRET $i" >"$T/outside/sub/f$i"
	done
	ln -s "$T/outside" "$ROOT/r/l"
	find "$T/outside" -printf '%p %T@ %s\n' | sort >"$T/before"
}
outside_names_untouched() { find "$T/outside" -printf '%p %T@ %s\n' | sort | diff "$T/before" -; nothing_of_ours; }
nothing_of_ours() { run ! grep -rq EVIL "$T/outside"; }

@test "a directory swapped for a link while trees are sent: nothing leaks" {
	zcpd_start
	race
	flip "$ROOT/r/d" "$ROOT/r/l"
	for ((i = 0; i < $(rounds); i++)); do
		run zcp -r 127.0.0.1:r/d "$T/got$i"
		[ "$status" -lt 100 ]
		run zcp -r 127.0.0.1:r "$T/all$i"
		[ "$status" -lt 100 ]
	done
	flipped
	for g in "$T"/got* "$T"/all*; do nothing_leaked "$g"; done
}

@test "a directory swapped for a link while trees are stored: nothing outside changes" {
	zcpd_start
	race
	mkdir -p "$T/up/d/sub"
	for i in {1..40}; do echo EVIL >"$T/up/d/f$i"; echo EVIL >"$T/up/d/sub/f$i"; echo EVIL >"$T/up/d/new$i"; done
	flip "$ROOT/r/d" "$ROOT/r/l"
	for ((i = 0; i < $(rounds); i++)); do
		run zcp -rp "$T/up/d" 127.0.0.1:r/
		[ "$status" -lt 100 ]
	done
	flipped
	outside_names_untouched
}

@test "a directory of the client's destination swapped for a link: nothing outside changes" {
	zcpd_start
	mkdir -p "$ROOT/t/d/sub" "$T/got/t/d/sub" "$T/outside/sub"
	for i in {1..40}; do echo EVIL >"$ROOT/t/d/f$i"; echo EVIL >"$ROOT/t/d/sub/f$i"; echo sentinel >"$T/outside/f$i"; done
	ln -s "$T/outside" "$T/got/l"
	find "$T/outside" -printf '%p %T@ %s\n' | sort >"$T/before"
	flip "$T/got/t/d" "$T/got/l"
	for ((i = 0; i < $(rounds); i++)); do
		run zcp -rp 127.0.0.1:t "$T/got/"
		[ "$status" -lt 100 ]
	done
	flipped
	outside_names_untouched
}

@test "names of incomplete files are left out of listings, not sent and not taken" {
	furnished
	local a=.zcp-0123456789abcdef0123456789abcdef
	echo partial >"$ROOT/d/$a"
	echo partial >"$ROOT/d/$a.j"
	echo other >"$ROOT/d/.zcp-notes"
	rm "$ROOT/d/far" "$ROOT/d/up"
	run -0 zcp -r 127.0.0.1:d "$T/got"
	assert_equal "$(ls -A "$T/got" | tr '\n' ' ')" ".zcp-notes e f "
	run -3 zcp "127.0.0.1:d/$a" "$T/x"
	assert_file_not_exists "$T/x"
	run zcp "$ROOT/d/f" "127.0.0.1:$a"
	assert_failure
	assert_file_not_exists "$ROOT/$a"
	mkdir "$T/tree"
	echo partial >"$T/tree/$a"
	echo fine >"$T/tree/fine"
	run zcp -r "$T/tree" 127.0.0.1:
	assert_equal "$(ls -A "$ROOT/tree")" fine
	assert_equal "$(cat "$ROOT/d/$a")" partial
}

# everything of this machine, as writable as it can be
whole_machine() {
	ROOT=$T/root ZCPD_MODE='--root / --writable' zcpd_start "$@"
	echo fine >"$ROOT/fine"
	mkdir "$T/got"
	SECRET=$(sed -n 's/^zcp-x25519-secret \([^ ]*\).*/\1/p' "$T/state/host_key")
	[ -n "$SECRET" ] || fail "no secret in $(cat "$T/state/host_key")"
	run ls -lA --time-style=full-iso "$T/state"
	STATE=$output
}
state_is_untouched() { assert_equal "$(ls -lA --time-style=full-iso "$T/state")" "$STATE"; run ! grep -rqF "$SECRET" "$T/got"; }

@test "--root / does not give out the host key, nor anything of the state directory" {
	whole_machine
	ln -s "$T/state" "$ROOT/link"
	ln -s "$T/state/host_key" "$ROOT/link-file"
	ln -s ../state/host_key "$ROOT/rel-link"
	ln "$T/state/host_key" "$ROOT/hard" 2>/dev/null || cp "$ROOT/fine" "$ROOT/hard"
	STATE=$(ls -lA --time-style=full-iso "$T/state")
	run -0 zcp "127.0.0.1:$ROOT/fine" "$T/got/"
	for p in "$T/state/host_key" "$T/state/../state/host_key" "$ROOT/link/host_key" "$ROOT/link-file" "$ROOT/rel-link" \
		"/proc/self/root$T/state/host_key" "/proc/1/root$T/state/host_key" "/proc/$ZCPD/root$T/state/host_key" "/proc/$ZCPD/cwd/../../$T/state/host_key"; do
		run zcp "127.0.0.1:$p" "$T/got/x"
		assert_failure
		assert_file_not_exists "$T/got/x"
	done
	run -3 zcp "127.0.0.1:$T/state/host_key" "$T/got/x"
	run -3 zcp -r "127.0.0.1:$T/state" "$T/got/state"
	run -3 zcp "127.0.0.1:$T/state/*" "$T/got/"
	run -3 zcp "127.0.0.1:$T/sta*" "$T/got/"
	[ "$(stat -c %h "$T/state/host_key")" = 1 ] || run -3 zcp "127.0.0.1:$ROOT/hard" "$T/got/y"
	# a whole tree around it: everything but this
	mkdir "$T/around"
	mv "$T/state" "$T/around/moved" && ln -s around/moved "$T/state"
	run zcp -r "127.0.0.1:$T/around" "$T/got/"
	[ ! -e "$T/got/around/moved" ]
	rm "$T/state"
	mv "$T/around/moved" "$T/state"
	state_is_untouched
}

@test "--root / does not give out authorized_keys or the client's own key" {
	whole_machine
	for p in "$T/client/zcp/identity" "$T/state/authorized_keys"; do
		run -3 zcp "127.0.0.1:$p" "$T/got/x"
		assert_file_not_exists "$T/got/x"
	done
}

@test "--root / takes nothing into the state directory: not created, not replaced, not re-moded" {
	whole_machine
	echo evil >"$T/evil"
	mkdir -p "$T/tree/state/new"
	echo evil >"$T/tree/state/host_key"
	echo evil >"$T/tree/state/authorized_keys"
	ln -s "$T/state" "$ROOT/link"
	for p in "$T/state/host_key" "$T/state/new" "$T/state/" "$T/state/authorized_keys" "$ROOT/link/new" "/proc/self/root$T/state/new"; do
		run zcp "$T/evil" "127.0.0.1:$p"
		assert_failure
	done
	run zcp -rp "$T/tree/state" "127.0.0.1:$T/"
	assert_failure
	run zcp -a "$T/tree/." "127.0.0.1:$T/"
	assert_failure
	state_is_untouched
	run -0 zcp "$T/evil" "127.0.0.1:$ROOT/taken"
}
