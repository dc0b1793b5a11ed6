#include "dpdk_app/punt.h"

#include "dpdk_app/clock.h"
#include "dpdk_app/punt_class.h"
#include "relay/counter.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
	RING = 512, // frames; 15 ms of all the default limits together
	TURN_MAX = 64, // frames of one source before the others' turn
	CACHE_LINE = 64,
};

// A worker makes no system call, so it can't wake the thread: how soon that looks by itself.
static const uint64_t LOOK_BUSY = 200000, LOOK_IDLE = 1000000; // ns
static const uint64_t BUSY = 100000000; // ns since the last packet

struct punt_worker {
	// Fixed before launch.
	bool has_tap[RELAY_PORTS_MAX];

	// The worker writes, main reads the counters.
	_Alignas(CACHE_LINE) struct punt_bucket buckets[RELAY_PORTS_MAX][PUNT_CLASS_COUNT];
	uint64_t punted[RELAY_PORTS_MAX][PUNT_CLASS_COUNT], limited[RELAY_PORTS_MAX][PUNT_CLASS_COUNT];

	// The worker and the thread, each its end.
	_Alignas(CACHE_LINE) struct frame_ring to_kernel;
	struct frame_ring from_kernel;
};

struct punt {
	// Fixed before the thread runs.
	struct punt_params params;
	struct punt_worker *workers[RELAY_WORKERS_MAX];
	int epoll_fd;
	pthread_t thread;
	bool runs;

	// Main writes, the thread reads.
	atomic_bool stop;

	// The thread writes, main reads.
	struct {
		uint64_t from_kernel, from_kernel_dropped, refused;
	} counts[RELAY_PORTS_MAX];
};

// ---- worker ----

[[gnu::noinline]] static enum verdict push(
	struct punt_worker *w, const struct relay_packet *packet, uint64_t now_ns) {
	const uint8_t *data = packet->data - packet->tag; // the core has looked at it from behind the tag on
	const uint32_t length = packet->length + packet->tag;
	const enum punt_class class = punt_classify(data, length);
	struct frame *f = NULL;

	if (length <= FRAME_BYTES && punt_bucket_take(&w->buckets[packet->port][class], now_ns))
		f = frame_ring_next(&w->to_kernel);
	if (f == NULL) {
		counter_add(&w->limited[packet->port][class], 1);
		return VERDICT_PUNT_LIMIT;
	}
	f->length = (uint16_t)length;
	f->port = packet->port;
	memcpy(f->data, data, length);
	frame_ring_push(&w->to_kernel);
	counter_add(&w->punted[packet->port][class], 1);
	return VERDICT_PUNTED;
}

void punt_push(struct punt_worker *w, struct relay_packet *packets, unsigned n, uint64_t now_ns) {
	if (w == NULL)
		return;
	for (unsigned i = 0; i < n; i++) {
		if (packets[i].verdict == VERDICT_NOT_MEDIA && w->has_tap[packets[i].port])
			packets[i].verdict = (uint8_t)push(w, &packets[i], now_ns);
	}
}

const struct frame *punt_first(struct punt_worker *w) {
	return frame_ring_first(&w->from_kernel);
}

void punt_pop(struct punt_worker *w) {
	frame_ring_pop(&w->from_kernel);
}

// ---- the thread ----

static unsigned write_frames(struct punt *p, struct punt_worker *w) {
	const struct frame *f;
	unsigned n = 0;

	for (; n < TURN_MAX && (f = frame_ring_first(&w->to_kernel)) != NULL; n++) {
		if (write(p->params.ports[f->port].tap_fd, f->data, f->length) != (ssize_t)f->length)
			counter_add(&p->counts[f->port].refused, 1);
		frame_ring_pop(&w->to_kernel);
	}
	return n;
}

// Read one frame for the sender, or into nothing where that is behind. False: there is none.
static bool read_frame(struct punt *p, unsigned port) {
	struct frame_ring *ring = &p->workers[p->params.ports[port].sender]->from_kernel;
	struct frame *f = frame_ring_next(ring), spare;
	const int fd = p->params.ports[port].tap_fd;
	const ssize_t n = read(fd, f != NULL ? f->data : spare.data, FRAME_BYTES);

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			(void)epoll_ctl(p->epoll_fd, EPOLL_CTL_DEL, fd, NULL); // deleted: main hears of it
		return false;
	}
	if (f == NULL || n == FRAME_BYTES) { // or cut off: somebody raised its MTU
		counter_add(&p->counts[port].from_kernel_dropped, 1);
		return true;
	}
	f->length = (uint16_t)n;
	f->port = (uint16_t)port;
	counter_add(&p->counts[port].from_kernel, 1);
	frame_ring_push(ring);
	return true;
}

static unsigned read_frames(struct punt *p, unsigned port) {
	unsigned n = 0;

	while (n < TURN_MAX && read_frame(p, port))
		n++;
	return n;
}

static unsigned turn(struct punt *p, uint64_t wait_ns) {
	const struct timespec wait = {.tv_nsec = (long)wait_ns};
	struct epoll_event events[RELAY_PORTS_MAX];
	const int ready = epoll_pwait2(p->epoll_fd, events, RELAY_PORTS_MAX, &wait, NULL);
	unsigned n = 0;

	for (int i = 0; i < ready; i++)
		n += read_frames(p, events[i].data.u32);
	for (unsigned i = 0; i < p->params.n_workers; i++)
		n += write_frames(p, p->workers[i]);
	return n;
}

static void *run(void *arg) {
	struct punt *p = arg;
	uint64_t now = clock_now_ns(), packet_ns = 0;
	unsigned n = 0;

	// Relaxed: nothing is handed over by it, main waits for the thread's end.
	while (!atomic_load_explicit(&p->stop, memory_order_relaxed)) {
		n = turn(p, n > 0 ? 0 : now - packet_ns < BUSY ? LOOK_BUSY : LOOK_IDLE);
		now = clock_now_ns();
		if (n > 0)
			packet_ns = now;
	}
	return NULL;
}

// ---- main ----

static int create_worker(const struct punt_params *params, struct punt_worker **out) {
	struct punt_worker *w = aligned_alloc(CACHE_LINE, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	for (unsigned i = 0; i < params->n_ports; i++) {
		w->has_tap[i] = params->ports[i].tap_fd >= 0;
		for (unsigned class = 0; class < PUNT_CLASS_COUNT; class ++)
			punt_bucket_init(&w->buckets[i][class], params->ports[i].pps[class]);
	}
	*out = w;
	if (frame_ring_init(&w->to_kernel, RING) < 0)
		return -ENOMEM;
	return frame_ring_init(&w->from_kernel, RING);
}

static int watch_taps(struct punt *p) {
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll_fd < 0)
		return -errno;
	for (unsigned i = 0; i < p->params.n_ports; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};

		if (p->params.ports[i].tap_fd >= 0 &&
			epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->params.ports[i].tap_fd, &e) < 0)
			return -errno;
	}
	return 0;
}

int punt_open(const struct punt_params *params, struct punt **out) {
	struct punt *p = calloc(1, sizeof(*p));
	int ret = 0;

	if (p == NULL)
		return -ENOMEM;
	p->params = *params;
	p->epoll_fd = -1;
	for (unsigned i = 0; i < params->n_workers && ret == 0; i++)
		ret = create_worker(params, &p->workers[i]);
	if (ret == 0)
		ret = watch_taps(p);
	if (ret == 0)
		ret = -pthread_create(&p->thread, NULL, run, p);
	if (ret < 0) {
		punt_close(p);
		return ret;
	}
	p->runs = true;
	(void)pthread_setname_np(p->thread, "kedge-punt");
	*out = p;
	return 0;
}

void punt_close(struct punt *p) {
	if (p == NULL)
		return;
	if (p->runs) {
		atomic_store_explicit(&p->stop, true, memory_order_relaxed);
		pthread_join(p->thread, NULL);
	}
	for (unsigned i = 0; i < RELAY_WORKERS_MAX && p->workers[i] != NULL; i++) {
		frame_ring_fini(&p->workers[i]->to_kernel);
		frame_ring_fini(&p->workers[i]->from_kernel);
		free(p->workers[i]);
	}
	if (p->epoll_fd >= 0)
		close(p->epoll_fd);
	free(p);
}

struct punt_worker *punt_worker(struct punt *p, unsigned index) {
	return p->workers[index];
}

void punt_count(const struct punt *p, unsigned port, struct stats_port *out) {
	for (unsigned class = 0; class < PUNT_CLASS_COUNT; class ++) {
		uint64_t punted = 0, limited = 0;

		for (unsigned i = 0; i < p->params.n_workers; i++) {
			punted += counter_read(&p->workers[i]->punted[port][class]);
			limited += counter_read(&p->workers[i]->limited[port][class]);
		}
		counter_set(&out->punted[class], punted);
		counter_set(&out->punt_limited[class], limited);
	}
	counter_set(&out->from_kernel, counter_read(&p->counts[port].from_kernel));
	counter_set(&out->from_kernel_dropped, counter_read(&p->counts[port].from_kernel_dropped));
	counter_set(&out->kernel_refused, counter_read(&p->counts[port].refused));
}
