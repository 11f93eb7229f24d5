/*
 * job.h - one run of zcp: its options, the host, what it has said and counted so far; its streams are workers.
 *
 * Everything that is not local to a room hangs here and is handed down; there is no other state but main.c's.
 */
#pragma once
#include <signal.h>
#include <sys/socket.h>
#include "common/extras.h"
#include "common/keys.h"
#include "zcp/cli/options.h"
#include "zcp/events/failed_to.h"
#include "zcp/events/tell.h"
#include "zcp/host/host_config.h"
#include "zcp/progress.h"
#include "zcp/rate.h"
#include "zcp/report.h"
#include "zcp/worker.h"

struct costs;
struct joblog;
struct names;
/* How contents travel, by the last WELCOME. */
struct job_how { bool known; enum carry carry; uint8_t integrity; const struct suite *suite; };

enum { WATCH_FILES = -2 };

struct job {
	const struct options *opt;
	struct report   report;
	struct progress progress;
	struct rate     rate;
	struct names   *names;                  /* --files-from: what below the one source is copied; NULL: all of it. Owned by who runs the job */
	struct joblog  *log;                    /* what earlier runs of this job have copied; NULL: none is kept */
	struct told     told;                   /* --json */
	struct failed_to failed_to;
	struct job_how  how;
	struct costs   *costs;                  /* host/costs.h; NULL: nobody asks */
	volatile sig_atomic_t *stop;            /* a signal asks to end */
	_Atomic bool    halted;                 /* nobody reads what is told: it ends, too */
	void          (*halt)(void);            /* main.c's: shuts down what watch() was told of */
	void          (*watch)(unsigned worker, int sock);      /* main.c's handler shuts these sockets down, so that nothing blocks any more; -1: none; WATCH_FILES: none, but something is to be tidied up */

	char           *host;                   /* what is looked up, and what known_hosts has: the HostName of the configuration, else as typed. Owned */
	uint16_t        port;
	struct host_config config;              /* what the configuration says of it; the command line comes first */
	char            where[320];             /* "host:port", as typed, visible text */
	char            where_host[300];        /* "host", for host:path */
	bool            upload;
	bool            local;                  /* no host at all: both sides are here */
	unsigned        extras;                 /* EXTRAS_* that are copied besides (job_find_extras()) */
	struct owners   owners;                 /* names of this machine, where owners are */
	bool            poured;                 /* into a pipe or a device: contents come sealed, since nothing can be taken back */
	bool            dst_missing;            /* upload: nothing stood at DST when this run began */
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
	unsigned        tries;                  /* begun, the first one too */
	unsigned        cores;                  /* this process may use */
	bool            left_alone;             /* a thread is left that still connects: nothing may be freed (pool.h) */
};

void job_init(struct job *, const struct options *, volatile sig_atomic_t *stop, void (*watch)(unsigned, int), void (*halt)(void));
void job_clear(struct job *);
/* Which extras this job copies, and what has to be known for them: before the confinement, when it is known which way files go. 0 or -ENOMEM */
int  job_find_extras(struct job *);
/* Modes are kept: -p, or with the ACLs they belong to. */
bool job_keeps_modes(const struct job *);
/* What is set on a file that comes, besides contents; NULL: nothing. ext: borrowed. */
struct extras *job_to_set(const struct job *, struct wire_str ext, struct extras *);
/* Of what was copied, these kinds were refused: a failure of the name for each. host NULL: a local name. */
void job_fail_missed(struct job *, struct failing *, unsigned missed);
/* Opening streams is what the identity's secret is for: gone from memory where there will be no further one, nor another attempt. */
void job_drop_secret(struct job *, unsigned streams);
/* The lead's stream is beyond use: said once, counted. Returns r. A signal's doing is status 20, said by job_say_rest(). */
int  job_broken(struct job *, int r);
/* One request was refused with 40: the key was taken away, and all else with it. Returns -errno. */
int  job_refused(struct job *, struct fail);
/* stream_get() on the lead's stream, with the failure said. */
int  job_get(struct job *, struct record *);
bool job_stopped(const struct job *);
enum status job_stopped_by(const struct job *);         /* and by what: 20 a signal, 11 standard output */
/* What ends it with `st`, or this attempt: an error, a warning where another one follows. */
void job_say(struct job *, enum status st, const char *line);
/* What becomes of a job that was cut short. Before its log is closed. */
void job_say_rest(const struct job *);
/* The path of the Unix socket that the host is reached by; NULL: over a network. */
const char *job_socket(const struct job *);
/* Over a Unix socket descriptors will do where no engine is asked for by name, and nothing has to come in order. */
bool job_takes_descriptors(const struct job *);
/* -v: one line that names engines, suite and reason. */
void job_say_how(const struct job *);
/* The name of an engine or, where there is no host, of a technique of local copies (local/copy.h) by its number; NULL: none. */
const char *job_engine_name(const struct job *, unsigned id);
/* The names of a set of them, "mmap+readwrite"; "": none. Returns buf. */
const char *job_engines(const struct job *, unsigned set, char *buf, size_t len);
