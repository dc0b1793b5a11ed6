#include "dpdk_app/punt_send.h"

#include <assert.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

static_assert((int)FRAME_BYTES <= (int)RTE_MBUF_DEFAULT_DATAROOM); // so it fits any pool of ours

static struct rte_mbuf *take(struct rte_mempool *pool, const struct frame *f) {
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	memcpy(rte_pktmbuf_mtod(m, void *), f->data, f->length);
	m->data_len = f->length;
	m->pkt_len = f->length;
	return m;
}

unsigned punt_send(struct worker *w) {
	struct rte_mbuf *mbufs[RELAY_BURST];
	struct relay_packet packets[RELAY_BURST];
	const struct worker_queues *q;
	const struct frame *f;
	unsigned n = 0, sent;

	if (w->punt == NULL)
		return 0;
	while (n < RELAY_BURST && (f = punt_first(w->punt)) != NULL &&
		(n == 0 || f->port == packets[0].port)) {
		mbufs[n] = take(w->pool, f);
		if (mbufs[n] == NULL)
			break; // it waits for a buffer
		packets[n++] = (struct relay_packet){
			.port = f->port, .verdict = VERDICT_FORWARDED, .component = UINT32_MAX};
		punt_pop(w->punt);
	}
	if (n == 0)
		return 0;
	q = &w->ports[packets[0].port];
	assert(q->tx_worker == w->index); // chosen so (punt_params.sender)
	sent = rte_eth_tx_burst(q->id, q->tx_queue, mbufs, (uint16_t)n);
	for (unsigned i = sent; i < n; i++)
		packets[i].verdict = VERDICT_TX_FULL;
	rte_pktmbuf_free_bulk(mbufs + sent, n - sent);
	w->stats->in += n;
	w->stats->out += sent;
	relay_count(w->core, packets, n);
	return n;
}
