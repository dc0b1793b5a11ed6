#include "dpdk_app/poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

int poller_open(struct poller *p) {
	p->fd = epoll_create1(EPOLL_CLOEXEC);
	return p->fd < 0 ? -errno : 0;
}

void poller_close(struct poller *p) {
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

int poller_add(struct poller *p, int fd, struct poller_source *source) {
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(p->fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void poller_del(struct poller *p, int fd) {
	(void)epoll_ctl(p->fd, EPOLL_CTL_DEL, fd, NULL);
}

int poller_wait(struct poller *p, uint64_t timeout_ns) {
	const struct timespec timeout = {
		.tv_sec = (time_t)(timeout_ns / 1000000000u), .tv_nsec = (long)(timeout_ns % 1000000000u)};
	struct epoll_event event;
	// One event a turn: no list of ready sources that one of them could make stale by removing another. epoll
	// itself goes round those that are ready, so none starves.
	int n = epoll_pwait2(p->fd, &event, 1, &timeout, NULL);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 1) {
		struct poller_source *source = event.data.ptr;

		source->ready(source->ctx);
	}
	return 0;
}
