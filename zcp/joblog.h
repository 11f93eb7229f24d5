/*
 * joblog.h - which files of a job are copied already, so that the same command goes on where it ended.
 *
 * File     ~/.local/state/zcp/jobs/HASH ($XDG_STATE_HOME), 0600; HASH of host, port, sources, destination (absolute here; `dir/`, `./dir` and `dir` are
 *          one, so are `host:/x`, `host:x` and zcp://host/x) and the options that say what is made of them.
 *          A header (magic, version, the whole hash, a random key, checksum), then one short entry per finished file: path below the destination, the source's size and
 *          mtime, checksum. Written in pieces of JOBLOG_PIECE bytes and at least once a second while files finish: a kill costs the last piece.
 * When     jobs of more than one file: -r, several sources, or a pattern. Emptied when the job came to its end, whatever failed on the way; kept for the next run when it was cut short
 *          (interrupted, the stream lost, stalled, killed) or the destination was full. One that is older than SWEEP_AGE_S is not believed.
 *          Such logs, and empty ones, are removed in passing by later runs of any job: who is confined may no longer change the directory (an evil server could, then, too).
 * Trust    an entry counts only if its checksum is right and the source has that size and mtime; the caller looks whether the destination still has that size, and with -p, where it
 *          was given the source's time, that time, too. Without -p a file that was changed there and kept its size is believed: --no-resume is for that.
 *          The first bad entry ends what is believed, and the file is cut there. Another version, another job, a file of somebody else or one that others may
 *          write: nothing of it is believed (said once), and it is begun anew (left alone where it is not ours). --no-resume: removed, and nothing is kept for a next run.
 * Lock     flock(2): a second run of the same command at the same time goes without one, and says so at -v.
 * Within   a run, too: after a lost connection (--retries) joblog_reload() makes what was finished so far count. Without a state directory (or with --no-resume) the
 *          file has no name (memfd_create), and serves this run alone.
 * Calls    after the confinement: write, pread, ftruncate, close; an unlinkat that fails. All that opens happens in joblog_open(), reading included, since a file that
 *          is broken is cut there.
 * Threads  joblog_add() may be called by several; has() after open or reload by several, while nobody reloads.
 * Memory   16 bytes an entry of earlier runs, in a table that is at most four fifths full, and JOBLOG_PIECE. Two SipHashes of 64 bits under keys of this process stand for an
 *          entry: of a million entries two meet with a chance of 2^-89, and a host that chooses its names cannot make them meet without the keys.
 * Returns  0 or -errno; a log that cannot be written is not a failure of the job: it is said once, and the job goes on without.
 * Proof    tests/unit/joblog.c, tests/unit/joblog_hostile.c (damage, strangers), tests/resume.bats.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct job;
struct joblog;
enum { JOBLOG_PIECE = 32 * 1024 };
struct joblog_file { const char *path; uint64_t size; int64_t mtime; uint32_t mtime_ns; };

/* For this job (opt, host, port and upload of it), after its arguments are known and before it is confined. *log NULL: no log (one file, or no memory: -ENOMEM). */
int  joblog_open(struct joblog **log, const struct job *);
int  joblog_dir(const struct joblog *);                                 /* its directory's descriptor, -1: the file has no name. Borrowed; takes NULL */
bool joblog_keeps(const struct joblog *);                               /* a next run will find it. Takes NULL: false */
bool joblog_resumes(const struct joblog *);                             /* there are entries of an earlier run: the destination is worth a look. Takes NULL: false */
size_t joblog_count(const struct joblog *);                             /* of these entries. Takes NULL: 0 */
bool joblog_has(const struct joblog *, const struct joblog_file *);     /* takes NULL: false */
void joblog_add(struct joblog *, const struct joblog_file *);           /* takes NULL */
/* DST was not there when the job began, so it is what the one source becomes: on a further run, too, although it is there by now. Written at once; takes NULL. */
void joblog_dst_missing(struct joblog *);
bool joblog_dst_was_missing(const struct joblog *);                     /* takes NULL: false */
int  joblog_reload(struct joblog *);                                    /* what was added in this run counts from here on. Takes NULL */
void joblog_end(struct joblog *, bool keep);                            /* flushes; keeps or empties; frees; takes NULL */
