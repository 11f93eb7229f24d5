/* verdict.c - the asking side; the listener's is in streams.c. See verdict.h */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include "zcpd/verdict.h"

enum verdict verdict_ask(int sock, const uint8_t pk[static KEY_BYTES])
{
	uint8_t answer = VERDICT_NONE;
	ssize_t n;

	do
		n = send(sock, pk, KEY_BYTES, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	while (n == KEY_BYTES) {
		n = recv(sock, &answer, 1, 0);
		if (n == 1)
			break;
		if (n < 0 && errno == EINTR)
			n = KEY_BYTES;
		answer = VERDICT_NONE;
	}
	close(sock);
	return answer == VERDICT_GO || answer == VERDICT_BUSY || answer == VERDICT_GONE ? (enum verdict)answer : VERDICT_NONE;
}
