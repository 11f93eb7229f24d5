/*
 * err.h - what can go wrong, once: exit status, wire code and words in one table.
 *
 * Status   the exit statuses of zcp(1), also sent as one byte in ERROR and REFUSED. rsync's numbers where the meaning is
 *          the same. Which one a job ends with: status_job() (zcp/report.h).
 * Fail     {status, why, errno}: all that travels about a failure. `why` picks a sentence from the table in err.c; a
 *          peer's text is never shown, only its three numbers, each checked.
 * Source   zcp(1) EXIT STATUS, zcp-wire(7) ERROR.
 * Proof    tests/unit/err.c walks both tables; tests/status.bats has one test per status.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum status {
	ST_OK = 0, ST_USAGE = 1, ST_PROTOCOL = 2, ST_MISSING = 3, ST_CANNOT = 4, ST_CONNECTION = 10, ST_FILE_IO = 11,
	ST_INTERRUPTED = 20, ST_PARTIAL = 23, ST_CHANGED = 24, ST_STALLED = 30, ST_CONNECT_TIMEOUT = 35, ST_REFUSED = 40,
	ST_HOST_UNKNOWN = 41, ST_HOST_CHANGED = 42, ST_INTEGRITY = 43, ST_NO_SPACE = 44, ST_IN_THE_WAY = 45, ST_BUSY = 46,
};

enum why {                      /* one sentence each in err.c; numbers are the wire's: append only */
	WHY_NONE = 0,
	WHY_ERRNO,              /* strerror(errno) says it */
	WHY_OUTSIDE,            /* the path leaves the served directory */
	WHY_LINK_OUTSIDE,       /* a symbolic link leaves the served directory */
	WHY_LINK_LOOP,          /* following links came back to a directory above */
	WHY_READ_ONLY,          /* zcpd serves this read-only: --writable */
	WHY_NAME,               /* empty, ".", "..", NUL, an aside file's name */
	WHY_NOT_REGULAR,        /* FIFO, socket, device: not copied */
	WHY_IS_DIRECTORY,       /* without -r */
	WHY_NOT_DIRECTORY,
	WHY_IN_THE_WAY,         /* something that is no regular file has the final name */
	WHY_SHRANK,             /* source shorter or rewritten while it was sent */
	WHY_GREW,               /* source grew: the bytes up to its size at open were copied */
	WHY_VANISHED,           /* listed, but gone when it was opened */
	WHY_INTEGRITY,          /* a chunk's tag stayed wrong */
	WHY_SAME_FILE,          /* source and destination are one file */
	WHY_KEY,                /* this client key is not in authorized_keys */
	WHY_KEYS_BROKEN,        /* zcpd's authorized_keys cannot be used: nobody is let in */
	WHY_ENGINE_SEAL,        /* a forced engine that cannot change bytes was asked to encrypt */
	WHY_ENGINE_SIDE,        /* a forced engine that cannot send, or cannot receive */
	WHY_ENGINE_FILE,        /* a forced engine that this file system does not support */
	WHY_ENGINE_MAC,         /* splice receives only with --integrity=none */
	WHY_PLAIN_REFUSED,      /* --plaintext, and the daemon does not allow it from here */
	WHY_NONE_REFUSED,       /* --integrity=none, and the daemon does not allow it */
	WHY_CC,                 /* that congestion control is not to be had */
	WHY_TOO_DEEP,           /* more than 1,000 directories below each other */
	WHY_TOO_LONG,           /* a path above 4,095 bytes */
	WHY_GIVEN_UP,           /* the receiver cancelled */
	WHY_TOO_MANY_OPEN,      /* more OPEN files than a stream may have */
	WHY_FULL,               /* the daemon has all the streams it may have */
	WHY_ENGINE_OPEN,        /* a forced receiving engine that cannot decrypt */
	WHY_KEY_PLACE,          /* authorized_keys lets this key in from other addresses only (from=) */
	WHY_KEY_EXPIRED,        /* ... until a day that is over (expires=) */
	WHY_KEY_READS,          /* the export is writable, but not for this key */
	WHY_KEY_TAKEN,          /* the key was taken out of authorized_keys while its stream was open */
	WHY_MAX_BYTES,          /* larger than the export's max-bytes */
	WHY_EXPORTS,            /* a recursive listing leaves out exports that lie below it */
	WHY_FILLING,            /* another run holds the journal of this file's copy */
	WHY_ASIDE_STRANGE,      /* what has the incomplete copy's name is not this side's own */
	WHY_RUN_OVER,           /* a range of a run that has ended */
	WHY_NOT_HELD,           /* COMMIT by a stream that does not hold the file */
	WHY_GAPS,               /* COMMIT while parts are missing */
	WHY_NAME_ABOVE,         /* a name of a list leads out of the source */
	WHY_FIRST_NAME,         /* a hard link to what was not copied */
	WHY_EXTRAS_MANY,        /* attributes and ACLs above WIRE_EXT_MAX */
	WHY_XATTRS,             /* copied, but not with all its attributes */
	WHY_ACLS,               /* copied, but without its ACL */
	WHY_OWNER,              /* copied, but not with its owner */
	WHY_INTO_COPY,          /* a followed link leads into what is being made of it, or to what that lies in */
	WHY_COUNT
};

struct fail {
	uint8_t  status;        /* enum status; ST_OK = no failure */
	uint8_t  why;           /* enum why */
	uint16_t err;           /* Linux errno, 0 if none */
};

/* A file's failure from -errno or errno; `why` WHY_ERRNO. ENOENT 3, ENOSPC/EDQUOT 44, EXDEV WHY_OUTSIDE and so on. */
struct fail fail_errno(int e);
struct fail fail_why(enum status, enum why);
/* "no such file or directory", "a symbolic link there leaves the served directory (...)": into buf, always terminated. */
const char *fail_words(struct fail, char *buf, size_t len);
/* true if every field of a received fail is one this build knows; unknown `why` becomes WHY_ERRNO. */
struct fail fail_from_wire(uint8_t status, uint8_t why, uint16_t err);
/* What a stream's end means: -ETIMEDOUT 30, -EPROTO/-EMSGSIZE 2, -EBADMSG 43, -ECONNRESET/-EPIPE/-ENODATA... 10. */
enum status status_of_stream(int minus_errno);
const char *stream_words(int minus_errno);
const char *status_name(enum status);           /* "no such file or export": zcp(1)'s table */
