/*
 * output.h - standard output, for programs that read it: whole lines, whoever writes them.
 *
 * Line     output_lock(), then output_line() for the writer of each object and output_write() for its end, then output_unlock(). A line is one write(2); one that is longer than
 *          PIPE_BUF goes out in pieces of that size where standard output is no file, and nothing of this process comes between them.
 * Opened   by the first lock, under a descriptor of its own, before the process opens anything else: where standard output is closed that shows at once (EBADF), and nothing that gets its number
 *          later is ever written to.
 * Watched  from output_watch() on by a thread of its own, where standard output is no file: a reader that goes away is found out at once, whatever the job does. A thread has the confinement of who
 *          starts it: not before the job is confined.
 * Waits    for a reader that does not read, as for any slow place; after a signal (*stop) only PATIENCE_MS more.
 * Fails    once. From then on output_lock() says no, and the one that found it calls `failed`, holding no lock of this room.
 * Signal   `busy` between output_lock() and output_unlock(): a signal's handler that finds it set writes nothing.
 * Proof    tests/json.bats.
 */
#pragma once
#include <pthread.h>
#include <signal.h>
#include "common/json.h"

enum { PATIENCE_MS = 1000 };

struct output {
	int             fd, end;        /* owned. end: an eventfd that ends the thread; -1: there is nothing to watch */
	bool            opened, watched;
	pthread_t       thread;
	_Atomic bool    broken;
	int             error;          /* errno of what broke it; told by output_unlock() */
	volatile sig_atomic_t busy;
	size_t          piece;          /* bytes of one write(2) at most */
	pthread_mutex_t lock;
	struct json     json;
	volatile sig_atomic_t *stop;
	void          (*failed)(void *arg, int error);
	void           *arg;
};

void output_init(struct output *, volatile sig_atomic_t *stop, void (*failed)(void *arg, int error), void *arg);
void output_clear(struct output *);
bool output_lock(struct output *);              /* false, and not locked: it is broken */
struct json *output_line(struct output *);
void output_write(struct output *);
void output_unlock(struct output *);
void output_watch(struct output *);             /* once */
void output_unwatch(struct output *);
