/*
 * job.h - one run of zcp: its options, the host, what it has said and counted so far; its streams are workers.
 *
 * Everything that is not local to a room hangs here and is handed down; there is no other state but main.c's.
 */
#pragma once
#include <signal.h>
#include <sys/socket.h>
#include "common/keys.h"
#include "zcp/cli/options.h"
#include "zcp/progress.h"
#include "zcp/rate.h"
#include "zcp/report.h"
#include "zcp/worker.h"

struct joblog;
struct job {
	const struct options *opt;
	struct report   report;
	struct progress progress;
	struct rate     rate;
	struct joblog  *log;                    /* what earlier runs of this job have copied; NULL: none is kept */
	volatile sig_atomic_t *stop;            /* a signal asks to end */
	void          (*watch)(unsigned worker, int sock);      /* main.c's handler shuts these sockets down, so that nothing blocks any more; -1: none */

	char           *host;                   /* as typed, owned */
	uint16_t        port;
	char            where[320];             /* "host:port", visible text */
	char            where_host[300];        /* "host", for host:path */
	bool            upload;
	bool            poured;                 /* into a pipe or a device: contents come sealed, since nothing can be taken back */
	bool            stdout_poured;          /* ... and standard output leads there, too */
	bool            confined;
	struct worker   lead;

	/* of the first stream, for all others: none resolves a name or asks a question again */
	struct sockaddr_storage address; socklen_t address_len;
	uint8_t         host_key[KEY_BYTES];
	struct keypair  own;                    /* the secret half: wiped by job_drop_secret() or job_clear() */
	bool            own_loaded;
	char            boot_id[36];            /* read before the confinement */
	bool            no_address;             /* the host's name leads nowhere, for good: no further attempt finds it */
	_Atomic bool    kept;                   /* a part of a large file stays for the same command */
	bool            host_seen;              /* a stream has been up */
	unsigned        streams;                /* that were used at once, at most */
	bool            carried_on;             /* the lead's stream died, another one's did not */
	unsigned        attempts, free_attempts;        /* attempt.h */
	unsigned        cores;                  /* this process may use */
	bool            left_alone;             /* a thread is left that still connects: nothing may be freed (pool.h) */
};

void job_init(struct job *, const struct options *, volatile sig_atomic_t *stop, void (*watch)(unsigned, int));
void job_clear(struct job *);
/* Opening streams is what the identity's secret is for: gone from memory where there will be no further one, nor another attempt. */
void job_drop_secret(struct job *, unsigned streams);
/* The lead's stream is beyond use: said once, counted. Returns r. A signal's doing is status 20, said by job_say_rest(). */
int  job_broken(struct job *, int r);
/* One request was refused with 40: the key was taken away, and all else with it. Returns -errno. */
int  job_refused(struct job *, struct fail);
/* stream_get() on the lead's stream, with the failure said. */
int  job_get(struct job *, struct record *);
bool job_stopped(const struct job *);
/* What becomes of a job that was cut short. Before its log is closed. */
void job_say_rest(const struct job *);
/* -v: one line that names engines, suite and reason. */
void job_say_how(const struct job *);
/* The names of a set of engines, "mmap+readwrite"; "": none. Returns buf. */
const char *job_engines(unsigned set, char *buf, size_t len);
