/* umask.c - see umask.h */
#include "common/umask.h"

#include <pthread.h>
#include <sys/stat.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static mode_t         mask;

static void look(void)
{
	mask = umask(077);              /* a file made meanwhile errs to the safe side */
	umask(mask);
}

mode_t own_umask(void)
{
	pthread_once(&once, look);
	return mask;
}
