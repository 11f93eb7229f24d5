/* keys.c - text forms, files that are keys and files that are not, and several processes that make one identity. */
#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include "common/keys.h"
#include "tests/unit/hex.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/* the initiator's static key of the Noise vector; what it makes was computed with python3-cryptography and hashlib */
#define SECRET "5h75kZzeRd1fghZkBL0I44vOtd/f3tCjTI337VQiFNE="
#define PUBLIC "a8OCKiqn9OaYHWU4aSs83z5t+e6m7SaetB2TwidXt1o="
static const char secret_hex[] = "e61ef9919cde45dd5f82166404bd08e38bceb5dfdfded0a34c8df7ed542214d1";
static const char public_hex[] = "6bc3822a2aa7f4e6981d6538692b3cdf3e6df9eea6ed269eb41d93c22757b75a";

static char path[4300];

static const char *at(const char *name)
{
	snprintf(path, sizeof path, "%s/%s", scratch_path(), name);
	return path;
}

static void text(void)
{
	static const char *const good[] = { PUBLIC, PUBLIC "\n", "zcp-x25519 " PUBLIC, "zcp-x25519 " PUBLIC "\n", "zcp-x25519\t" PUBLIC " a comment, 2 = 2\r\n",
	                                    "zcp-x25519   " PUBLIC "  \n" };
	static const char *const bad[] = {
		"", " ", "\n", "zcp-x25519", "zcp-x25519 ", PUBLIC " comment", " " PUBLIC, "zcp-x25519-secret " SECRET, "ssh-ed25519 " PUBLIC, "zcp-x25519" PUBLIC,
		"zcp-x25519 " PUBLIC "=", "zcp-x25519 a8OCKiqn9OaYHWU4aSs83z5t+e6m7SaetB2TwidXt1o", "zcp-x25519 a8OCKiqn9OaYHWU4aSs83z5t+e6m7SaetB2TwidXt1p=",
		"zcp-x25519 a8OCKiqn9OaYHWU4aSs83z5t-e6m7SaetB2TwidXt1o=", "zcp-x25519 a8OCKiqn9OaYHWU4aSs83z5t+e6m7SaetB2TwidXtw==",
		"zcp-x25519 a8OCKiqn9OaYHWU4aSs83z5t+e6m7SaetB2TwidXt1paaaa=", "zcp-x25519 a8OC\nKiqn9OaYHWU4aSs83z5t+e6m7SaetB2TwidXt1o=",
		"zcp-x25519 " PUBLIC " x\nzcp-x25519 " PUBLIC, "zcp-x25519 ============================================",
	};
	uint8_t pk[KEY_BYTES];
	char    out[KEY_TEXT], print[KEY_FINGERPRINT];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		memset(pk, 0, sizeof pk);
		ok(keys_parse(good[i], pk) == 0 && is_hex(pk, sizeof pk, public_hex), "a key, %zu", i + 1);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memset(pk, 0x55, sizeof pk);
		ok(keys_parse(bad[i], pk) == -EINVAL && pk[0] == 0x55 && pk[31] == 0x55, "no key, %zu", i + 1);
	}
	unhex(pk, sizeof pk, public_hex);
	keys_text(pk, out);
	ok(!strcmp(out, "zcp-x25519 " PUBLIC), "text");
	keys_fingerprint(pk, print);
	ok(!strcmp(print, "SHA256:t6Zh9u4vr5gge7Tb3lmp2JgaLudK0Hdf32diqIyHhhk") && strlen(print) == KEY_FINGERPRINT - 1, "fingerprint");
}

static void load(int dir)
{
	static const char *const bad[] = {
		"", "\n", SECRET, "zcp-x25519 " SECRET, "zcp-x25519-secret", "zcp-x25519-secret ", "zcp-x25519-secret " SECRET "\nmore\n",
		"zcp-x25519-secret 5h75kZzeRd1fghZkBL0I44vOtd/f3tCjTI337VQi", "-----BEGIN OPENSSH PRIVATE KEY-----\n", " zcp-x25519-secret " SECRET,
	};
	static char    long_text[5000];
	struct keypair k;

	put_file(dir, "id", "zcp-x25519-secret " SECRET " somebody@somewhere\n", 0600);
	ok(keys_load(at("id"), &k) == 0 && is_hex(k.sk, 32, secret_hex) && is_hex(k.pk, 32, public_hex), "load: the pair");
	put_file(dir, "id", "zcp-x25519-secret " SECRET, 0400);
	ok(keys_load(at("id"), &k) == 0 && is_hex(k.pk, 32, public_hex), "load: read-only, no comment, no newline");
	keys_wipe(&k);
	ok(sodium_is_zero((const uint8_t *)&k, sizeof k), "wiped");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		put_file(dir, "bad", bad[i], 0600);
		ok(keys_load(at("bad"), &k) == -EINVAL && sodium_is_zero((const uint8_t *)&k, sizeof k), "load: no key, %zu", i + 1);
	}
	memset(long_text, 'x', sizeof long_text - 1);
	put_file(dir, "bad", long_text, 0600);
	ok(keys_load(at("bad"), &k) == -EINVAL, "load: far too long");
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777 };
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		put_file(dir, "open", "zcp-x25519-secret " SECRET "\n", modes[i]);
		ok(keys_load(at("open"), &k) == -EPERM, "load: mode %04o is refused", (unsigned)modes[i]);
	}
	ok(keys_load(at("none"), &k) == -ENOENT && keys_load(at("id/none"), &k) == -ENOTDIR, "load: nothing there");
	ok(keys_load_or_make(at("bad"), "c", &k) == -EINVAL && keys_load_or_make(at("open"), "c", &k) == -EPERM, "what is there and bad is not replaced");
	put_link(dir, "dangling", "nowhere");
	ok(keys_load_or_make(at("dangling"), "c", &k) == -ENOENT, "a dangling link is not followed to make a key");
	if (geteuid() == 0) {
		put_file(dir, "theirs", "zcp-x25519-secret " SECRET "\n", 0600);
		ok(fchownat(dir, "theirs", 4711, 4711, 0) == 0 && keys_load(at("theirs"), &k) == -EPERM, "load: a foreign owner's");
	} else {
		skip(1, "a foreign owner needs root");
	}
}

static unsigned entries(int dir, const char *name)
{
	int      fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR     *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void make(int dir)
{
	struct keypair a, b;
	struct stat    st;
	char           text_in[512];
	mode_t         old = umask(0);

	ok(keys_load_or_make(at("new/deep/zcp/identity"), "me@here\nzcp-x25519 x", &a) == 1, "make: new, in directories that are new");
	ok(fstatat(dir, "new/deep/zcp/identity", &st, 0) == 0 && st.st_mode == (S_IFREG | 0600) && st.st_nlink == 1, "make: 0600, one link");
	ok(fstatat(dir, "new", &st, 0) == 0 && (st.st_mode & 0777) == 0700 && fstatat(dir, "new/deep/zcp", &st, 0) == 0 && (st.st_mode & 0777) == 0700,
	   "make: directories 0700");
	ok(keys_load_or_make(at("new/deep/zcp/identity"), "other", &b) == 0 && !memcmp(&a, &b, sizeof a), "then it is loaded");
	get_file(dir, "new/deep/zcp/identity", text_in, sizeof text_in);
	size_t n = strlen(text_in);
	ok(!strncmp(text_in, "zcp-x25519-secret ", 18) && strchr(text_in, '\n') == text_in + n - 1 && strstr(text_in, " me@herezcp-x25519 x\n"),
	   "make: one line, whatever the comment holds");
	umask(0777);
	ok(keys_load_or_make(at("second"), NULL, &b) == 1 && memcmp(a.pk, b.pk, 32) != 0 && keys_load(at("second"), &a) == 0 && !memcmp(&a, &b, sizeof a),
	   "make: another, under a umask that forbids everything, without a comment");
	umask(old);
	ok(keys_load_or_make(at("id/x"), "c", &a) == -ENOTDIR, "make: where no directory can be");
	memset(path, 'a', 4200);
	path[4200] = '\0';
	ok(keys_load_or_make(path, "c", &a) == -ENAMETOOLONG, "make: a name that is too long");
	keys_wipe(&a);
	keys_wipe(&b);
}

enum { RACERS = 8 };

/* All wait for the pipe's end, then go at once. */
static void race(void)
{
	int     go[2], told[2];
	uint8_t pk[RACERS][KEY_BYTES], made[RACERS];
	unsigned got = 0, makers = 0, same = 0;

	if (pipe(go) < 0 || pipe(told) < 0)
		return;
	for (int i = 0; i < RACERS; i++) {
		if (fork())
			continue;
		struct keypair k;
		uint8_t        answer[1 + KEY_BYTES];
		char           byte;

		close(go[1]);
		ssize_t n = read(go[0], &byte, 1);
		int     r = keys_load_or_make(at("race/identity"), "racer", &k);
		answer[0] = (uint8_t)(r < 0 ? 99 : r);
		memcpy(answer + 1, k.pk, KEY_BYTES);
		_exit(n == 0 && write(told[1], answer, sizeof answer) == sizeof answer ? 0 : 1);
	}
	close(go[0]);
	close(told[1]);
	close(go[1]);
	for (uint8_t answer[1 + KEY_BYTES]; got < RACERS && read(told[0], answer, sizeof answer) == sizeof answer; got++) {
		made[got] = answer[0];
		memcpy(pk[got], answer + 1, KEY_BYTES);
	}
	close(told[0]);
	while (wait(NULL) > 0)
		;
	for (unsigned i = 0; i < got; i++) {
		makers += made[i] == 1;
		same += made[i] <= 1 && !memcmp(pk[i], pk[0], KEY_BYTES);
	}
	ok(got == RACERS && makers == 1 && same == RACERS, "%d processes make the identity at once: one made it, all have it", RACERS);
}

int main(void)
{
	if (sodium_init() < 0)
		return 1;
	int dir = scratch(NULL);
	if (dir < 0)
		return 1;
	text();
	load(dir);
	make(dir);
	race();
	ok(entries(dir, "race") == 3 && entries(dir, "new/deep/zcp") == 3, "nothing but the key is left there");
	return done();
}
