/* keys.c - see keys.h */
#include "common/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/io.h"

enum { BASE64_KEY = 44, FILE_MAX = 1024, COMMENT_MAX = 200 };

static const char public_word[] = "zcp-x25519", secret_word[] = "zcp-x25519-secret";

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* BASE64 of exactly 32 bytes, ended by a blank or the end of the text: what follows it, or NULL. */
static const char *decode(const char *p, uint8_t key[static KEY_BYTES])
{
	uint8_t bytes[KEY_BYTES];
	size_t  n = strcspn(p, " \t\r\n"), got = 0;
	/* base642bin takes canonical text only: the bits that a key does not use are zero */
	bool    good = n == BASE64_KEY &&
	               !sodium_base642bin(bytes, sizeof bytes, p, n, NULL, &got, NULL, sodium_base64_VARIANT_ORIGINAL) &&
	               got == sizeof bytes;

	if (good)
		memcpy(key, bytes, sizeof bytes);
	sodium_memzero(bytes, sizeof bytes);
	return good ? p + n : NULL;
}

/* The text behind `word` and its blanks, or NULL when the text does not begin so. */
static const char *after_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(text, word, n) != 0 || (text[n] != ' ' && text[n] != '\t'))
		return NULL;
	return text + n + strspn(text + n, " \t");
}

/* Nothing but blanks up to the end; a comment may stand before the line's end. */
static bool ends(const char *p, bool comment)
{
	if (comment)
		p += strcspn(p, "\r\n");
	while (is_blank(*p))
		p++;
	return *p == '\0';
}

int keys_parse(const char *text, uint8_t pk[static KEY_BYTES])
{
	uint8_t     key[KEY_BYTES];
	const char *p = after_word(text, public_word);
	const char *end = decode(p ? p : text, key);

	if (!end || !ends(end, p != NULL))
		return -EINVAL;
	memcpy(pk, key, KEY_BYTES);
	return 0;
}

static int load(const char *path, bool private_file, struct keypair *out)
{
	char           text[FILE_MAX];
	struct keypair pair;
	ssize_t        n = io_slurp(path, text, sizeof text, private_file ? IO_PRIVATE : IO_ANYBODYS);

	if (n < 0)
		return n == -EFBIG ? -EINVAL : (int)n;
	const char *p = strlen(text) == (size_t)n ? after_word(text, secret_word) : NULL;
	const char *end = p ? decode(p, pair.sk) : NULL;
	int         r = end && ends(end, true) ? 0 : -EINVAL;

	if (r == 0 && crypto_scalarmult_base(pair.pk, pair.sk))
		r = -EINVAL;
	if (r == 0)
		*out = pair;
	sodium_memzero(text, sizeof text);
	keys_wipe(&pair);
	return r;
}

int keys_load(const char *path, struct keypair *out)
{
	return load(path, true, out);
}

int keys_load_credential(const char *path, struct keypair *out)
{
	return load(path, false, out);
}

/* Every missing directory above the file, 0700. */
static int make_parents(const char *path)
{
	char dir[PATH_MAX];

	if (strlen(path) >= sizeof dir)
		return -ENAMETOOLONG;
	memcpy(dir, path, strlen(path) + 1);
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		/* EEXIST and what else stops us is told by the open that follows; a directory we may not make may be there */
		if (mkdir(dir, 0700) < 0 && errno != EEXIST && access(dir, F_OK) < 0)
			return -errno;
		*p = '/';
	}
	return 0;
}

static int fsync_parent(const char *path)
{
	char        dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t      n = slash ? (size_t)(slash - path) : 0;

	if (n >= sizeof dir)
		return -ENAMETOOLONG;
	memcpy(dir, path, n);
	dir[n] = '\0';
	CLEAN_FD int fd = open(n ? dir : slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

/* "zcp-x25519-secret BASE64 comment\n"; the comment without what would end the line. */
static size_t secret_line(const struct keypair *pair, const char *comment, char out[static FILE_MAX])
{
	char   b64[BASE64_KEY + 1], words[COMMENT_MAX + 1];
	size_t n = 0;

	for (; comment && *comment && n < COMMENT_MAX; comment++)
		if ((unsigned char)*comment >= ' ' && *comment != 0x7f)
			words[n++] = *comment;
	words[n] = '\0';
	sodium_bin2base64(b64, sizeof b64, pair->sk, KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
	int len = snprintf(out, FILE_MAX, "%s %s%s%s\n", secret_word, b64, n ? " " : "", words);
	sodium_memzero(b64, sizeof b64);
	return (size_t)len;
}

/* A new file, complete and on the disk. */
static int write_new(const char *path, const char *line, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	int r = fchmod(fd, 0600) < 0 ? -errno : 0;              /* whatever the umask took away */
	if (r == 0) {
		ssize_t n = io_write_full(fd, line, len);
		r = n < 0 ? (int)n : 0;
	}
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		unlink(path);
	return r;
}

/* temp becomes path unless something stands there (-EEXIST); temp is gone afterwards. */
static int publish(const char *temp, const char *path)
{
	int r = link(temp, path) < 0 ? -errno : 0;

	/* file systems without hard links */
	if ((r == -EPERM || r == -EOPNOTSUPP || r == -ENOSYS || r == -EMLINK) &&
	    renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return fsync_parent(path);
	unlink(temp);
	return r < 0 ? r : fsync_parent(path);
}

static int save(const char *path, const char *comment, const struct keypair *pair)
{
	char    temp[PATH_MAX], hex[17], line[FILE_MAX];
	uint8_t random[8];

	randombytes_buf(random, sizeof random);
	sodium_bin2hex(hex, sizeof hex, random, sizeof random);
	int n = snprintf(temp, sizeof temp, "%s.%s", path, hex);
	if (n < 0 || (size_t)n >= sizeof temp)
		return -ENAMETOOLONG;
	int r = make_parents(path);
	if (r < 0)
		return r;
	r = write_new(temp, line, secret_line(pair, comment, line));
	sodium_memzero(line, sizeof line);
	return r < 0 ? r : publish(temp, path);
}

int keys_load_or_make(const char *path, const char *comment, struct keypair *out)
{
	struct keypair pair;
	int            r = keys_load(path, out);

	if (r != -ENOENT)
		return r;
	randombytes_buf(pair.sk, KEY_BYTES);
	crypto_scalarmult_base(pair.pk, pair.sk);
	r = save(path, comment, &pair);
	if (r == 0)
		*out = pair;
	keys_wipe(&pair);
	if (r == -EEXIST)                       /* another process was first: its key is the key */
		return keys_load(path, out);
	return r < 0 ? r : 1;
}

void keys_text(const uint8_t pk[static KEY_BYTES], char out[static KEY_TEXT])
{
	char b64[BASE64_KEY + 1];

	sodium_bin2base64(b64, sizeof b64, pk, KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
	snprintf(out, KEY_TEXT, "%s %s", public_word, b64);
}

void keys_fingerprint(const uint8_t pk[static KEY_BYTES], char out[static KEY_FINGERPRINT])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	char    b64[BASE64_KEY];

	crypto_hash_sha256(hash, pk, KEY_BYTES);
	sodium_bin2base64(b64, sizeof b64, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
	snprintf(out, KEY_FINGERPRINT, "SHA256:%s", b64);
}

void keys_wipe(struct keypair *pair)
{
	sodium_memzero(pair, sizeof *pair);
}
