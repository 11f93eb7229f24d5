# manual.bats - the manual pages say what the programs do: every option, exit status, sentence and message, and nothing else.
load helpers
setup() { T=$BATS_TEST_TMPDIR; }

page() { [ -f "$ZCP_TOP/man/$1" ] || fail "man/$1 is not there"; }

# plain PAGE: as text, without hyphens at line ends, in lines that never break. Fails with the page.
plain() { page "$1" && groff -k -man -Tascii -rHY=0 -rLL=4000n -P-cbou -Wbreak "$ZCP_TOP/man/$1" 3>&-; }
# section PAGE NAME: the text below one heading
section() {
	plain "$1" | awk -v want="$2" '/^[A-Z]/ { on = ($0 == want); next } on'
}
# options_of: the options at the start of each line, one per line: "-r, --recursive   words", "--root=DIR"
options_of() {
	sed -nE 's/^ *(-.*)$/\1/p' | sed -E 's/  .*//; s/, /\n/g' | sed -E 's/[= [].*//' | grep -E '^-' | sort -u
}
options_in_page() {
	section "$1" OPTIONS | grep -E '^ {7}-' | options_of
}
# names of enum status in err.h with the words of err.c's table: "NUMBER<tab>WORDS"
statuses() {
	/usr/bin/python3 - "$ZCP_TOP" <<-'P' 3>&-
	import re, sys
	numbers = dict(re.findall(r'\b(ST_[A-Z_]+) = (\d+)', open(sys.argv[1] + '/common/err.h').read()))
	rows = re.findall(r'\{ (ST_[A-Z_]+), "([^"]*)" \}', open(sys.argv[1] + '/common/err.c').read())
	assert len(rows) == len(numbers), (rows, numbers)
	for name, words in rows:
	    print('%s\t%s' % (numbers[name], words))
	P
}
# sentences: err.c's whys, one per line
sentences() {
	/usr/bin/python3 - "$ZCP_TOP" <<-'P' 3>&-
	import re, sys
	text = open(sys.argv[1] + '/common/err.c').read()
	table = text[text.index('whys[WHY_COUNT] = {') + 16:]
	table = table[:table.index('\n};')]
	literal = r'(?:\s*"(?:[^"\\]|\\.)*")+'
	named = dict(re.findall(r'static const char (\w+)\[\] =(' + literal + ');', text))
	rows = re.findall(r'\[(WHY_[A-Z_]+)\] = (\w+|' + literal + '),', table)
	assert len(rows) == table.count('[WHY_'), 'a row that this test cannot read'
	for name, parts in rows:
	    parts = named.get(parts, parts)
	    print(''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', parts)).replace('\\"', '"').replace('\\\\', '\\'))
	P
}

@test "every option of zcp stands in zcp.1, and no other" {
	local help
	help=$("$ZCP_BUILD/zcp" --help | options_of)
	[ "$(wc -l <<<"$help")" -gt 20 ] || fail "zcp --help tells too little: $help"
	assert_equal "$(options_in_page zcp.1)" "$help"
}

@test "every option of zcpd stands in zcpd.8, and no other" {
	local help
	help=$("$ZCP_BUILD/zcpd" --help | options_of)
	[ "$(wc -l <<<"$help")" -gt 10 ] || fail "zcpd --help tells too little: $help"
	assert_equal "$(options_in_page zcpd.8)" "$help"
}

# keys_of: what --help-config prints, one key a line: "SECTION KEY: RANGE; DEFAULT"
keys_of() {
	"$ZCP_BUILD/zcpd" --help-config 3>&- | awk '/^[^ ]/ { where = /export NAME/ ? "EXPORTS" : "KEYS" }
		/^  [^ ]/ { key = $1; getline; sub(/^ +/, ""); print where, key ": " $0 }'
}
# keys_in_page: the same of zcpd.conf.5, from its source: .TP, .B KEY, RANGE; DEFAULT.
keys_in_page() {
	sed 's/\\-/-/g; s/\\(dq/"/g' "$ZCP_TOP/man/zcpd.conf.5" | awk '/^\.SH/ { where = $2 }
		(where == "KEYS" || where == "EXPORTS") && /^\.TP$/ { getline; key = $2; getline; sub(/\.$/, ""); print where, key ": " $0 }'
}

@test "every key of the configuration stands in zcpd.conf.5 with its range and its default, and no other" {
	page zcpd.conf.5
	local help
	help=$(keys_of)
	[ "$(wc -l <<<"$help")" -gt 30 ] || fail "zcpd --help-config tells too little: $help"
	assert_equal "$(keys_in_page)" "$help"
}

@test "the examples in zcpd.conf.5 are right" {
	page zcpd.conf.5
	mkdir -p "$T/srv/pub" "$T/srv/backup/2025" "$T/state"
	sed -n '/^\.SH EXAMPLES/,/^\.SH SEE/{/^\.nf/,/^\.fi/{/^\./d;p}}' "$ZCP_TOP/man/zcpd.conf.5" | sed "s/\\\\-/-/g; s/\\\\(dq/\"/g; s|/srv|$T/srv|" >"$T/conf"
	assert_equal "$(grep -c '^export' "$T/conf")" 3
	run -0 "$ZCP_BUILD/zcpd" --check-config --config "$T/conf" --state "$T/state" 3>&-
	assert_output --partial "conf: ok, 3 exports, 0 keys"
}

@test "every exit status stands in zcp.1 with the program's own words, and no other" {
	local wanted number words
	wanted=$(statuses) || fail "err.c's table cannot be read"
	section zcp.1 "EXIT STATUS" | sed -nE 's/^ {7}([0-9]+) +(.*)/\1\t\2/p' >"$T/page"
	assert_equal "$(cut -f1 "$T/page" | sort -n | tr '\n' ' ')" "$(cut -f1 <<<"$wanted" | sort -n | tr '\n' ' ')"
	while IFS=$'\t' read -r number words; do
		grep -qiF -- "$words" <(grep "^$number	" "$T/page") ||
			fail "zcp.1 says of $number '$(grep "^$number	" "$T/page")', the program says '$words'"
	done <<<"$wanted"
}

@test "zcpd's own exit statuses stand in zcpd.8" {
	run -0 section zcpd.8 "EXIT STATUS"
	for n in 0 1 2 4 10; do assert_output --regexp "(^|"$'\n'") {7}$n +[^ ]"; done
}

@test "every sentence about a failure stands in zcp.1" {
	local line text missing=
	text=$(section zcp.1 DIAGNOSTICS | tr -s ' \n' ' ')
	sentences >"$T/sentences" || fail "err.c's table cannot be read"
	[ "$(wc -l <"$T/sentences")" -gt 20 ]
	while IFS= read -r line; do
		case $text in *"$line"*) ;; *) missing+="$line"$'\n' ;; esac
	done <"$T/sentences"
	[ -z "$missing" ] || fail "zcp.1 DIAGNOSTICS lacks: $missing"
}

@test "every engine and every cipher stands in zcp.1" {
	local text name
	text=$(plain zcp.1) || fail "zcp.1 cannot be shown"
	for name in $(sed -nE 's/^[[:space:]]*\.name = "([a-z]+)".*/\1/p' "$ZCP_TOP"/common/engine/*.c) aegis128l aegis256 aes256gcm chacha20poly1305; do
		grep -qw -- "$name" <<<"$text" || fail "zcp.1 does not know $name"
	done
}

@test "every message of the wire's table has its heading in zcp-wire.7, with its number and who sends it" {
	local wanted
	wanted=$(unit wire --table | awk -F'\t' '{ print $1 " (" $5 ")" }' | sort)
	[ "$(wc -l <<<"$wanted")" -gt 20 ] || fail "the wire's table: $wanted"
	assert_equal "$(sed -nE 's/^\.SS ([A-Z_]+ \([0-9].*\))$/\1/p' "$ZCP_TOP/man/zcp-wire.7" | sort)" "$wanted"
}

@test "the bounds in zcp-wire.7 are the code's" {
	page zcp-wire.7
	local shown
	shown=$(awk '/^\.SH/ { on = ($0 == ".SH BOUNDS") } on && /^[A-Z_]+\t/' "$ZCP_TOP/man/zcp-wire.7")
	assert_equal "$shown" "$(unit wire --table | cut -f1-4)"
}

@test "the suites in zcp-wire.7 are the code's" {
	local want
	want=$(sed -nE 's/^static const char \*const names\[\] = \{ (.*) \};$/\1/p' "$ZCP_TOP/common/suite.c" | tr -d '",' | tr ' ' '\n' | sort | tr '\n' ' ')
	local shown
	shown=$(section zcp-wire.7 SUITES | sed -nE 's/^ *[1-4] +([a-z0-9]+) +[0-9]+ +[0-9]+ .*/\1/p' | sort -u | tr '\n' ' ')
	[ -n "$want" ] || fail "common/suite.c names no suites"
	assert_equal "$shown" "$want"
}

@test "the pages are set without a warning" {
	local p
	for p in zcp.1 zcpd.8 zcpd.conf.5 zcp-json.7 zcp-wire.7; do
		page "$p"
		run -0 --separate-stderr env MANROFFSEQ= MAN_KEEP_STDERR=1 man --warnings -E UTF-8 -l -Tutf8 -Z "$ZCP_TOP/man/$p"
		[ -n "$output" ] || fail "$p is empty"
		[ -z "$stderr" ] || fail "$p: $stderr"
		run -0 --separate-stderr groff -k -man -ww -Tutf8 -z "$ZCP_TOP/man/$p"
		[ -z "$stderr" ] || fail "$p: $stderr"
	done
}

@test "the pages name this version" {
	local p version
	version=$("$ZCP_BUILD/zcp" --version | sed -nE '1s/^zcp ([0-9.]+).*/\1/p')
	for p in zcp.1 zcpd.8 zcpd.conf.5 zcp-json.7 zcp-wire.7; do
		page "$p"
		head -n 5 "$ZCP_TOP/man/$p" | grep -qF "\"zcp $version\"" || fail "$p is of another version than $version"
	done
}
