/* err.c - see err.h */
#include "common/err.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const struct { uint8_t status; const char *name; } statuses[] = {
	{ ST_OK, "all copied" },
	{ ST_USAGE, "usage" },
	{ ST_PROTOCOL, "protocol error" },
	{ ST_MISSING, "no such file or export" },
	{ ST_CANNOT, "not possible as asked" },
	{ ST_CONNECTION, "connection failed" },
	{ ST_FILE_IO, "file input or output failed" },
	{ ST_INTERRUPTED, "interrupted" },
	{ ST_PARTIAL, "some files were not copied" },
	{ ST_CHANGED, "source changed or vanished" },
	{ ST_STALLED, "stalled" },
	{ ST_CONNECT_TIMEOUT, "connect timeout" },
	{ ST_REFUSED, "refused: not authorised" },
	{ ST_HOST_UNKNOWN, "host key unknown" },
	{ ST_HOST_CHANGED, "host key changed" },
	{ ST_INTEGRITY, "integrity failure" },
	{ ST_NO_SPACE, "no space left" },
	{ ST_IN_THE_WAY, "something else stands there" },
	{ ST_BUSY, "busy, try later" },
};

/* What is wrong with an engine before anything moves goes on from "--engine=NAME "; WHY_ENGINE_FILE follows a file's name. */
static const char engine_seal[] =
	"cannot send encrypted data: it moves pages from the page cache to the socket inside the kernel, "
	"so libsodium never sees the bytes. Use --engine=mmap, or --plaintext on a network you trust";
static const char engine_mac[] =
	"cannot receive with --integrity=mac: it moves pages from the socket to the page cache inside the kernel, "
	"so nothing checks the bytes. Name another receiver (--engine=SEND,readwrite), or use --integrity=none on a network you trust";

static const char engine_open[] =
	"cannot receive encrypted data: it moves pages from the socket to the page cache inside the kernel, "
	"so nothing decrypts the bytes. Name another receiver: --engine=SEND,readwrite";

static const char *const whys[WHY_COUNT] = {
	[WHY_OUTSIDE] = "the path leaves the served directory",
	[WHY_LINK_OUTSIDE] = "a symbolic link there leaves the served directory: copy links as links with -a, or name its target",
	[WHY_LINK_LOOP] = "a symbolic link leads back to a directory above: copy links as links with -a",
	[WHY_READ_ONLY] = "zcpd serves this directory read-only: start it with --writable, or see mode and allow-write in zcpd.conf(5)",
	[WHY_NAME] = "not a name zcp can use: empty, \".\", \"..\", or of the form of an incomplete file (.zcp-...)",
	[WHY_NOT_REGULAR] = "not a regular file, a directory or a symbolic link: FIFOs, sockets and devices are not copied",
	[WHY_IS_DIRECTORY] = "is a directory: copy it with -r",
	[WHY_NOT_DIRECTORY] = "is not a directory",
	[WHY_IN_THE_WAY] = "something that is not a regular file stands there: it was left alone, move it away first",
	[WHY_SHRANK] = "the source changed while it was read: nothing was published, copy it again",
	[WHY_GREW] = "the source grew while it was read: its bytes up to the size at the start were copied",
	[WHY_VANISHED] = "the source vanished before it was read",
	[WHY_INTEGRITY] = "damaged on the way again and again: nothing was published, check the network or use --encrypt",
	[WHY_SAME_FILE] = "source and destination are the same file",
	[WHY_KEY] = "this key is not authorised: add the line that `zcp --public-key` prints (with the same -i) to zcpd's authorized_keys",
	[WHY_KEYS_BROKEN] = "zcpd cannot use its authorized_keys, so nobody is let in: its log says why",
	[WHY_ENGINE_SEAL] = engine_seal,
	[WHY_ENGINE_SIDE] = "does not move bytes in this direction: name one engine for each side with --engine=SEND,RECV",
	[WHY_ENGINE_FILE] = "the engine asked for does not work with this file system: leave --engine away for the best that does",
	[WHY_ENGINE_MAC] = engine_mac,
	[WHY_PLAIN_REFUSED] = "zcpd does not allow plaintext from here: start it with --plaintext-from, or leave --plaintext away",
	[WHY_NONE_REFUSED] = "zcpd does not allow --integrity=none: start it with --integrity=none, or leave the option away",
	[WHY_CC] = "that congestion control is not to be had: /proc/sys/net/ipv4/tcp_allowed_congestion_control lists those that are",
	[WHY_TOO_DEEP] = "more than 1,000 directories below each other",
	[WHY_TOO_LONG] = "the path is longer than 4,095 bytes, or a name in it than 255",
	[WHY_GIVEN_UP] = "given up by the other side",
	[WHY_TOO_MANY_OPEN] = "too many files open at once on one stream",
	[WHY_ENGINE_OPEN] = engine_open,
	[WHY_FULL] = "zcpd has all the streams it may have: try again later",
	[WHY_KEY_PLACE] = "this key is not let in from this address: zcpd's authorized_keys names others for it (from=)",
	[WHY_KEY_EXPIRED] = "this key has expired: zcpd's authorized_keys says until when it is let in (expires=)",
	[WHY_KEY_READS] = "this key may only read there: zcpd's authorized_keys (write) or zcpd.conf (allow-write) says who may write",
	[WHY_KEY_TAKEN] = "this key was taken away: it is not in zcpd's authorized_keys any more",
	[WHY_MAX_BYTES] = "larger than zcpd lets a file there be (max-bytes)",
	[WHY_EXPORTS] = "exports of their own lie below it and are not in this copy: copy each by its name",
	[WHY_FILLING] = "another run is filling this file: wait for it to end, or end it (zcpd may not have noticed yet that an earlier run is gone)",
	[WHY_ASIDE_STRANGE] = "what stands under the name of its incomplete copy (.zcp-...) was not made by who copies it: it was left alone, remove it first",
	[WHY_RUN_OVER] = "the file was opened anew by another stream, or given up: copy it again",
	[WHY_NOT_HELD] = "this stream does not hold the file that it wants to finish: only the one that opened it may",
	[WHY_NAME_ABOVE] = "the name leaves the source: names in a list are below it",
	[WHY_FIRST_NAME] = "the file that it is another name of was not copied: see above",
	[WHY_GAPS] = "parts of the file are missing: nothing was published, copy it again",
	[WHY_EXTRAS_MANY] = "its extended attributes and access control lists are more than 60,000 bytes: copy it without -X or -A",
	[WHY_XATTRS] = "copied, but its extended attributes (-X) could not be set: the file system there has none, or no room for them",
	[WHY_ACLS] = "copied, but its access control list (-A) could not be set: the file system there has none, or it was refused",
	[WHY_OWNER] = "copied, but its owner and group could not be set, so it has no set-id bits either",
	[WHY_INTO_COPY] = "a symbolic link leads into the destination, where the copy would be copied again and again: copy links as links with -a",
};

static bool status_known(unsigned s)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].status == s)
			return true;
	return false;
}

const char *status_name(enum status s)
{
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].status == (unsigned)s)
			return statuses[i].name;
	return "unknown status";
}

struct fail fail_errno(int e)
{
	struct fail f = { .status = ST_FILE_IO, .why = WHY_ERRNO };

	if (e < 0)
		e = -e;
	if (e == 0)
		return (struct fail){ ST_OK, WHY_NONE, 0 };
	f.err = e > 0 && e <= UINT16_MAX ? (uint16_t)e : EIO;
	switch (f.err) {
	case ENOENT: case ENOTDIR:
		f.status = ST_MISSING;
		break;
	case ENOSPC: case EDQUOT:
		f.status = ST_NO_SPACE;
		break;
	case EXDEV:
		f.status = ST_MISSING;
		f.why = WHY_OUTSIDE;
		break;
	}
	return f;
}

struct fail fail_why(enum status s, enum why w)
{
	return (struct fail){ .status = (uint8_t)s, .why = (uint8_t)w };
}

/* strerror's text as the middle of a sentence: "Input/output error" -> "input/output error", "RFS specific error" as it is. */
static void errno_words(int e, char *buf, size_t len)
{
	const char *s = strerrordesc_np(e);     /* glibc 2.32; never translated, unlike strerror() */

	if (!s) {
		snprintf(buf, len, "error %d", e);
		return;
	}
	snprintf(buf, len, "%s", s);
	if (len > 2 && buf[0] >= 'A' && buf[0] <= 'Z' && !(buf[1] >= 'A' && buf[1] <= 'Z'))
		buf[0] = (char)(buf[0] - 'A' + 'a');
}

const char *fail_words(struct fail f, char *buf, size_t len)
{
	if (len == 0)
		return "";
	if (f.why < WHY_COUNT && whys[f.why])
		snprintf(buf, len, "%s", whys[f.why]);
	else if (f.err)
		errno_words(f.err, buf, len);
	else
		snprintf(buf, len, "%s", status_name(f.status));
	return buf;
}

struct fail fail_from_wire(uint8_t status, uint8_t why, uint16_t err)
{
	struct fail f = { status, why, err };

	if (status == ST_OK)
		return (struct fail){ ST_OK, WHY_NONE, 0 };
	/* What only this side can find out about a host's key is not the peer's to claim. */
	if (!status_known(status) || status == ST_HOST_UNKNOWN || status == ST_HOST_CHANGED)
		f.status = ST_FILE_IO;
	if (why >= WHY_COUNT)
		f.why = WHY_ERRNO;
	if (err && !strerrordesc_np(err))
		f.err = 0;
	return f;
}

enum status status_of_stream(int minus_errno)
{
	switch (-minus_errno) {
	case 0:          return ST_OK;
	case ETIMEDOUT:
	case ETIME:      return ST_STALLED;
	case EPROTO:
	case EMSGSIZE:   return ST_PROTOCOL;
	case EBADMSG:    return ST_INTEGRITY;
	case EBUSY:      return ST_BUSY;
	case EINTR:      return ST_INTERRUPTED;
	case ENOMEM:     return ST_FILE_IO;
	case EOPNOTSUPP: return ST_CANNOT;
	default:         return ST_CONNECTION;
	}
}

const char *stream_words(int minus_errno)
{
	switch (-minus_errno) {
	case 0:            return "the stream ended as it should";
	case ETIMEDOUT:    return "the other side has not moved a byte for the whole timeout (--timeout)";
	case ETIME:        return "no request came for as long as a stream may be idle";
	case EPROTO:       return "the other side sent something that is not in the protocol";
	case EMSGSIZE:     return "the other side sent a message out of its bounds";
	case EBADMSG:      return "a message was forged or damaged on the way";
	case ENODATA:      return "the other side closed the connection before the end";
	case EPIPE:
	case ECONNRESET:   return "the connection was cut";
	case ECONNREFUSED: return "nothing listens there: is zcpd running, and is it this port?";
	case EHOSTUNREACH:
	case ENETUNREACH:  return "no way leads to that host";
	case EBUSY:        return "zcpd has all the streams it may have: try again later";
	case EINTR:        return "interrupted";
	case ENOMEM:       return "out of memory";
	case EOPNOTSUPP:   return "both sides have no suite or version in common";
	default:           return "the connection failed";
	}
}
