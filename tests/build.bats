# build.bats - what make builds and installs, and what the programs are linked with.
load helpers
setup() { T=$BATS_TEST_TMPDIR; variant=(); case $ZCP_BUILD in *-san*) variant+=(SAN=1) ;; esac; case $ZCP_BUILD in *-sys*) variant+=(SODIUM=system) ;; esac; }
mk() { env -u MAKEFLAGS -u MAKELEVEL -u MAKEOVERRIDES make --no-print-directory -s -C "$ZCP_TOP" "${variant[@]}" "$@" 3>&-; }

@test "--version names the version, and the libsodium that the build has" {
	for p in zcp zcpd; do
		run -0 "$ZCP_BUILD/$p" --version
		assert_line --index 0 --regexp "^$p 0\.1\.0"
		if has_aegis; then
			assert_output --partial "libsodium $(cat "$ZCP_TOP/build/deps/libsodium/version")"
			assert_output --partial static
		else
			assert_output --regexp 'libsodium [0-9]+\.[0-9]+\.[0-9]+'
			refute_output --partial static
		fi
	done
}

@test "the programs need no libraries but the ones they say" {
	is_san && skip "sanitizers link their own"
	local sodium=
	has_aegis || sodium=libsodium.so.23
	needed() { readelf -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '; }
	sorted() { printf '%s\n' "$@" | sed '/^$/d' | sort | tr '\n' ' '; }
	assert_equal "$(needed "$ZCP_BUILD/zcp")" "$(sorted libc.so.6 libpopt.so.0 libseccomp.so.2 "$sodium")"
	assert_equal "$(needed "$ZCP_BUILD/zcpd")" "$(sorted libc.so.6 libconfuse.so.2 libpopt.so.0 libseccomp.so.2 "$sodium")"
}

@test "the programs are position independent, bound at start, with no executable stack" {
	is_san && skip "the sanitizer build is for finding faults"
	for p in zcp zcpd; do
		readelf -h "$ZCP_BUILD/$p" | grep -q 'DYN'
		readelf -d "$ZCP_BUILD/$p" | grep -q 'NOW'
		readelf -lW "$ZCP_BUILD/$p" | grep -q 'GNU_RELRO'
		run ! grep -E 'GNU_STACK.*E' < <(readelf -lW "$ZCP_BUILD/$p")
		nm -D "$ZCP_BUILD/$p" | grep -q '__stack_chk_fail'
	done
}

@test "no program calls a shell" {
	for p in zcp zcpd; do
		run ! grep -wE 'system|popen|wordexp' < <(nm -D --undefined-only "$ZCP_BUILD/$p")
	done
}

@test "make install puts programs and manual pages where they belong" {
	mk install DESTDIR="$T/d" PREFIX=/usr
	assert_file_executable "$T/d/usr/bin/zcp"
	assert_file_executable "$T/d/usr/sbin/zcpd"
	cmp "$ZCP_BUILD/zcp" "$T/d/usr/bin/zcp"
	for m in "$ZCP_TOP"/man/*.[1-8]; do
		[ -f "$T/d/usr/share/man/man${m##*.}/${m##*/}" ] || fail "${m##*/} is not installed"
	done
}

@test "a build for tests only is not installed" {
	run mk install UNSAFE=1 DESTDIR="$T/d"
	assert_failure
	assert_output --partial "for tests only"
	[ ! -e "$T/d" ]
}

@test "make without the libraries says: make setup" {
	mkdir "$T/bin"
	printf '#!/bin/sh\nexit 1\n' >"$T/bin/pkg-config"
	chmod +x "$T/bin/pkg-config"
	PATH=$T/bin:$PATH run mk -n all
	assert_failure
	assert_output --partial "make setup"
}

@test "neither an archive's address nor this tree's own path stands in the project" {
	cd "$ZCP_TOP"
	run grep -rnIE '(deb|ftp[a-z0-9.]*|security|snapshot|archive|mirrors?[a-z0-9.]*)\.(debian|ubuntu)\.(org|com|net)' --exclude-dir=.git --exclude-dir='build*' .
	assert_failure 1
	run grep -rnIF "$ZCP_TOP/" --exclude-dir=.git --exclude-dir='build*' .
	assert_failure 1
}

@test "set-up with everything there installs nothing and needs no network" {
	local sodium=$ZCP_TOP/build/deps/libsodium
	[ -f "$sodium/lib/libsodium.a" ] || skip "no static libsodium here"
	# Every address apt could ask goes nowhere.
	run -0 env http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 "$ZCP_TOP/.ci/setup" build check
	refute_output --partial installing
	assert_output "setup: libsodium: $(cat "$sodium/version"), static, from build/deps (the system's is $(pkg-config --modversion libsodium))"
}
