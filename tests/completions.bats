# completions.bats - what TAB makes of a line in real shells: bash, zsh and fish, each with the file that make install brings it, and the programs that were built.
load helpers

setup() {
	private_home; export T
	export C=$T/at
	mkdir -p "$XDG_CONFIG_HOME/zcp" "$C/backdir" "$C/other place"
	cd "$C"
	touch back.iso file.conf 'my file'
	K=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
	printf '%s\n' '# keys' "backup.example:7722 zcp-x25519 $K" "[fd00::1]:7000 zcp-x25519 $K" "nas:7000 zcp-x25519 $K" >"$XDG_CONFIG_HOME/zcp/known_hosts"
	printf '%s\n' 'Host back2 back-* !back3' '  HostName backup.example' $'  HOST=nas "lab" # comment\r' '# Host no' 'Hostname none' 'Host *' 'Port 7000' >"$XDG_CONFIG_HOME/zcp/config"
	printf '%s\n' 'Host backelse' >"$T/else"
}

# typed SHELL LINE [all]: the shell on a terminal, LINE and TAB (or: all completions at once), then what stands in its line.
# The shell itself writes that into a FIFO, when it comes to the key for it: nothing is guessed from the screen, and nothing waited for but its answer.
typed() {
	rm -rf "$T/answer" "$T/rc"
	mkfifo "$T/answer"
	mkdir "$T/rc"
	cat >"$T/rc/bash" <<-'S'
	PS1= HISTFILE=
	bind 'set bell-style none' 'set enable-bracketed-paste off' 2>/dev/null
	source "$ZCP_TOP/dist/completions/zcp"
	source "$ZCP_TOP/dist/completions/zcpd"
	bind '"\C-xa": insert-completions'
	bind -x '"\C-xd": printf "[%s]" "$READLINE_LINE" >"$T/answer"'
	S
	cat >"$T/rc/.zshrc" <<-'S'
	PS1= HISTFILE= fpath=("$ZCP_TOP/dist/completions" $fpath)
	autoload -Uz compinit
	compinit -uC -d "$BATS_FILE_TMPDIR/dump"        # one list of what there is for all tests
	unsetopt beep
	answer() { print -rn -- "[$BUFFER]" >"$T/answer" }
	zle -N answer
	bindkey '^Xd' answer
	zle -C all complete-word _generic
	zstyle ':completion:all::::' completer _all_matches _complete
	zstyle ':completion:all:*' insert true
	bindkey '^Xa' all
	S
	/usr/bin/python3 - "$@" <<-'P' 3>&- 4>&-
	import os, pty, select, sys, threading
	shell, line, keys = sys.argv[1], sys.argv[2], '\x18a' if sys.argv[3:] else '\t'
	t = os.environ['T']
	argv = {'bash': ['bash', '--noprofile', '--rcfile', t + '/rc/bash', '-i'], 'zsh': ['zsh', '-d', '-i']}[shell]
	pid, terminal = pty.fork()
	if pid == 0:
	    os.environ.update(TERM='dumb', ZDOTDIR=t + '/rc', COLUMNS='500')
	    os.execvp(argv[0], argv)
	shown = []
	def drain():
	    try:
	        while True:
	            shown.append(os.read(terminal, 65536))
	    except OSError:
	        pass
	threading.Thread(target=drain, daemon=True).start()
	os.write(terminal, (line + keys + '\x18d').encode())
	answer = os.open(t + '/answer', os.O_RDONLY | os.O_NONBLOCK)
	got = b''
	while not got.endswith(b']') and select.select([answer], [], [], 60)[0]:
	    got += os.read(answer, 65536)
	os.kill(pid, 9)
	if not got.endswith(b']'):
	    sys.exit('%s did not answer: %r' % (shell, b''.join(shown)))
	sys.stdout.write(os.fsdecode(got[1:-1]))
	P
}

# answers SHELL LINE: everything that could stand for LINE's last word, sorted, one a line, as zcp would get it: without what stands before a value, and without the = or / at its
# end, which shells show or do not show.
answers() {
	if [ "$1" = fish ]; then
		fish -N -c 'set -p fish_complete_path $ZCP_TOP/dist/completions; complete -C $argv[1]' "$2" 3>&- 4>&- | cut -f1
	else
		typed "$1" "$2" all | /usr/bin/python3 -c 'import shlex, sys; print("\n".join(shlex.split(sys.stdin.read())[int(sys.argv[1]):]))' "$(wc -w <<<"${2% *}")" 3>&-
	fi >"$T/answers"
	# a line that nothing completes stays what it is
	[ "$(cat "$T/answers")" = "${2##* }" ] || sed -E 's/^.*[=,@](.)/\1/; s/[=\/]$//' "$T/answers" | sort -u
}
# each LINE WORD...: the same answers in all three
each() {
	local line=$1 shell got want
	shift
	want=$(printf '%s\n' "$@" | sort)
	for shell in bash zsh fish; do
		got=$(answers $shell "$line") || fail "$shell: $line: $got"
		[ "$got" = "$want" ] || fail "$shell: '$line' has '$got', not '$want'"
	done
}

@test "the files are right by their shells' own account" {
	local f
	for f in zcp zcpd; do bash -n "$ZCP_TOP/dist/completions/$f"; fish -n "$ZCP_TOP/dist/completions/$f.fish"; done
	zsh -fn "$ZCP_TOP/dist/completions/_zcp"
}

@test "one TAB: what is certain is completed, with a blank where the word is over" {
	local shell
	for shell in bash zsh; do
		assert_equal "$(typed $shell 'zcp --pla')" 'zcp --plaintext '
		assert_equal "$(typed $shell 'zcp --integrity=n')" 'zcp --integrity=none '
		assert_equal "$(typed $shell 'zcp --engine=m')" 'zcp --engine=mmap'             # a comma may follow
		assert_equal "$(typed $shell 'zcp --eng')" 'zcp --engine='
		assert_equal "$(typed $shell 'zcp back2')" 'zcp back2:'
		assert_equal "$(typed $shell 'zcp -r na')" 'zcp -r nas:'
		assert_equal "$(typed $shell 'zcp backd')" 'zcp backdir/'
		assert_equal "$(typed $shell 'zcp my')" 'zcp my\ file '
		assert_equal "$(typed $shell 'zcp --config=fi')" 'zcp --config=file.conf '
		assert_equal "$(typed $shell 'zcp back2:x')" 'zcp back2:x'
		assert_equal "$(typed $shell 'zcpd --ro')" 'zcpd --root='
		assert_equal "$(typed $shell 'zcpd --root=ba')" 'zcpd --root=backdir/'
	done
}

@test "options, with their values: the same in bash, zsh and fish" {
	each 'zcp --pla' --plaintext
	each 'zcp --re' --recursive --resume --retries
	each 'zcp --engine=m' mmap
	each 'zcp --engine=' auto direct mmap readwrite sendfile splice
	each 'zcp --engine=mmap,re' readwrite
	each 'zcp --engine sp' splice
	each 'zcp --integrity=' mac none
	# shellcheck disable=SC2046 # words
	each 'zcp --cipher=' $(zcp_raw --version | sed -n 's/^ciphers: //p')
	each 'zcp --cipher=aes256gcm,ch' chacha20poly1305
	each 'zcp --cc=cub' cubic
	each 'zcp --bwlimit=@fi' file.conf
	each 'zcp --files-from=fi' file.conf
	each 'zcp --failed-to fi' file.conf
	each 'zcp --include-from=fi' file.conf
	each 'zcp --exclude-from=fi' file.conf
	each 'zcp -F fi' file.conf
	each 'zcp --max-size='
	each 'zcp --exclude='
	each 'zcp -P '
	each 'zcp --timeout='
	each 'zcpd --integ' --integrity
	each 'zcpd --integrity=' mac none
	each 'zcpd --status-socket=no' none
	each 'zcpd --authorized-keys=an' any
	each 'zcpd --plaintext-from=no' none
	each 'zcpd --root=' backdir 'other place'
	each 'zcpd --config=fi' file.conf
}

# words PROGRAM: every option that its --help begins a line with, by letter and by name, whatever the completions make of that line. Text that goes on begins further to the right.
words() { "$ZCP_BUILD/$1" --help 3>&- | sed -nE 's/^ {1,12}(-.*)/\1/p' | sed -E 's/  .*//; s/, /\n/g' | sed 's/[= ].*//' | sort -u; }

@test "every option of both programs, by letter and by name, as --help has them, and no other" {
	local p
	for p in zcp zcpd; do
		words $p >"$T/options"
		[ "$(grep -c '^--[a-z]' "$T/options")" -gt 15 ]
		grep -qx -- -v "$T/options"
		mapfile -t want <"$T/options"
		each "$p -" "${want[@]}"
		mapfile -t want < <(grep '^--' "$T/options")
		each "$p --" "${want[@]}"
	done
}

@test "hosts: of known_hosts, and of the configuration's Host lines, but no patterns; names of files beside them" {
	each 'zcp back' back.iso backdir back2: backup.example:
	each 'zcp -r file.conf na' nas:
	each 'zcp lab' lab:
	each 'zcp none'
	each 'zcp ./ba' ./back.iso ./backdir
	each 'zcp back2:'
	each 'zcpd back' back.iso backdir
	each 'zcp --forget-host=n' nas:7000
	each 'zcp --host-key=A' "${K%=}"
	# the file that -F names, in the place of the default one
	local form
	for form in "-F $T/else" "-F$T/else" "--config=$T/else" "--config $T/else"; do each "zcp $form back" back.iso backdir backelse: backup.example:; done
	rm -r "$XDG_CONFIG_HOME/zcp"
	each 'zcp back' back.iso backdir
}

@test "what stands in those files is shown, never run" {
	# shellcheck disable=SC2016 # as it stands
	printf '%s\n' 'Host $(touch${IFS}ran) `touch${IFS}ran` ;touch${IFS}ran; harmless' >"$XDG_CONFIG_HOME/zcp/config"
	printf '%s\n' "\$(touch\${IFS}ran):7722 zcp-x25519 $K" "harmless2:1 zcp-x25519 \`touch\${IFS}ran\`" >"$XDG_CONFIG_HOME/zcp/known_hosts"
	local shell
	for shell in bash zsh fish; do
		run answers $shell 'zcp harm'
		assert_output $'harmless2:\nharmless:'
		answers $shell 'zcp ' >/dev/null
		answers $shell 'zcp --host-key=' >/dev/null
		answers $shell 'zcp --forget-host=' >/dev/null
		assert_not_exists "$C/ran"
	done
}
