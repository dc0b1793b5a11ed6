#include "tests/unit/call_bench_wire.h"

#include "control/sip/transaction.h"
#include "tests/unit/fail_alloc.h"

#include <stdlib.h>

enum { KEPT_MAX = 4096, SECRETS_MAX = 1024, VALUES = 16, VALUE_MAX = 2048, ANY_REALM = BENCH_REALMS };

// Check writes a note for each assertion that holds, which is too much for each of so many datagrams.
#define MUST(holds, ...) \
	do { \
		if (!(holds)) \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

static struct wire {
	const struct loop *loop;
	struct transport_user up;
	bench_sent_fn fn;
	void *ctx;
	struct datagram kept[KEPT_MAX];
	bool taken[KEPT_MAX];
	unsigned n_kept;
	struct {
		unsigned realm;
		char text[64];
	} secrets[SECRETS_MAX];
	unsigned n_secrets;
} w;

// ---- reading, apart from the code under test ----

const char *bench_header(const char *message, const char *name, unsigned n) {
	static char values[VALUES][VALUE_MAX];
	static unsigned turn;
	const char *body = strstr(message, "\r\n\r\n"), *at = message;
	char *out = values[turn++ % VALUES], start[64];

	snprintf(start, sizeof(start), "\r\n%s: ", name);
	out[0] = '\0';
	for (unsigned i = 0; (at = strstr(at, start)) != NULL && at < body; i++) {
		at += strlen(start);
		if (i == n) {
			snprintf(out, VALUE_MAX, "%.*s", (int)strcspn(at, "\r"), at);
			break;
		}
	}
	return out;
}

const char *bench_body(const char *message) {
	const char *at = strstr(message, "\r\n\r\n");

	if (at == NULL)
		ck_abort_msg("no end of the header:\n%s", message);
	return at + 4;
}

// ---- what may not cross ----

// Every address of a realm begins with one of these, and none of another realm does.
static const char *const addresses[BENCH_REALMS][3] = {
	{"203.0.113.1", "192.0.2.", "10.0.0."},
	{"198.51.100.", "10.1.0."},
	{"203.0.113.2"},
};

void bench_secret(unsigned realm, const char *text) {
	if (text[0] == '\0')
		return;
	for (unsigned i = 0; i < w.n_secrets; i++)
		if (strcmp(w.secrets[i].text, text) == 0)
			return; // the first who says it has it
	MUST(w.n_secrets < SECRETS_MAX, "too many secrets");
	MUST(strlen(text) < sizeof(w.secrets[0].text), "%s", text);
	w.secrets[w.n_secrets].realm = realm;
	strcpy(w.secrets[w.n_secrets++].text, text);
}

void bench_forget_secrets(void) {
	w.n_secrets = 0;
}

void bench_no_secret(const char *text) {
	for (unsigned i = 0; i < w.n_secrets; i++)
		if (strcmp(w.secrets[i].text, text) == 0)
			w.secrets[i].realm = ANY_REALM;
}

static void note_param(unsigned realm, const char *value, const char *name) {
	const char *at = strstr(value, name);
	char text[64];

	if (at == NULL)
		return;
	at += strlen(name);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, ";,> "), at);
	bench_secret(realm, text);
}

void bench_wire_note(const char *text, unsigned realm) {
	if (strstr(text, "\r\n\r\n") == NULL)
		return;
	bench_secret(realm, bench_header(text, "Call-ID", 0));
	note_param(realm, bench_header(text, "From", 0), ";tag=");
	note_param(realm, bench_header(text, "To", 0), ";tag=");
	note_param(realm, bench_header(text, "Via", 0), ";branch=");
}

static void check_hidden(const char *text, unsigned realm) {
	for (unsigned r = 0; r < BENCH_REALMS; r++) {
		for (unsigned i = 0; r != realm && i < 3 && addresses[r][i] != NULL; i++)
			MUST(strstr(text, addresses[r][i]) == NULL, "an address of realm %u to realm %u:\n%s",
				r, realm, text);
	}
	for (unsigned i = 0; i < w.n_secrets; i++)
		MUST(w.secrets[i].realm == realm || w.secrets[i].realm == ANY_REALM ||
				strstr(text, w.secrets[i].text) == NULL,
			"%s of realm %u to realm %u:\n%s", w.secrets[i].text, w.secrets[i].realm, realm,
			text);
}

// ---- what every message must be (RFC 3261 §8.1.1, §8.2.6, §20) ----

static void check_once(const char *text, const char *name) {
	MUST(bench_header(text, name, 0)[0] != '\0', "no %s:\n%s", name, text);
	MUST(bench_header(text, name, 1)[0] == '\0', "%s twice:\n%s", name, text);
}

static void check_request(const char *text) {
	check_once(text, "Via");
	check_once(text, "Max-Forwards");
	MUST(strstr(bench_header(text, "Via", 0), ";branch=z9hG4bK") != NULL, "%s", text);
	if (strncmp(text, "INVITE ", 7) == 0) {
		check_once(text, "Contact");
		check_once(text, "Allow");
	}
}

static void check_response(const char *text) {
	const char *to = bench_header(text, "To", 0);

	// §8.2.6.2: every response but 100 has a tag.
	if (strncmp(text, "SIP/2.0 100 ", 12) != 0)
		MUST(strstr(to, ";tag=") != NULL, "no To tag:\n%s", text);
	if (strncmp(text, "SIP/2.0 2", 9) == 0 && strstr(text, " INVITE\r\n") != NULL)
		check_once(text, "Contact");
}

static void check_message(const char *text, size_t len) {
	static const char *const once[] = {"From", "To", "Call-ID", "CSeq", "Content-Length"};
	static const char *const never[] = {"User-Agent", "Server", "Warning", "Organization", "Subject"};
	unsigned length;

	MUST(strlen(text) == len, "%s", text);
	for (size_t i = 0; i < sizeof(once) / sizeof(*once); i++)
		check_once(text, once[i]);
	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
		MUST(bench_header(text, never[i], 0)[0] == '\0', "%s:\n%s", never[i], text);
	MUST(sscanf(bench_header(text, "Content-Length", 0), "%u", &length) == 1, "%s", text);
	MUST(strlen(bench_body(text)) == length, "%s", text);
	MUST((bench_header(text, "Content-Type", 0)[0] != '\0') == (length > 0), "%s", text);
	if (strncmp(text, "SIP/2.0 ", 8) == 0)
		check_response(text);
	else
		check_request(text);
}

// ---- the transport ----

static void send_datagram(void *ctx, const struct flow *to, struct span data, uint64_t ref) {
	struct datagram *d = &w.kept[w.n_kept % KEPT_MAX];

	(void)ctx, (void)ref;
	fail_alloc_pause();
	MUST(w.n_kept < KEPT_MAX, "too many datagrams");
	*d = (struct datagram){
		.text = span_dup(data), .len = data.len, .to = *to, .at_ms = loop_now_ms(w.loop)};
	if (strcmp(d->text, "\r\n\r\n") != 0) {
		bench_wire_note(d->text, to->realm);
		check_message(d->text, d->len);
		check_hidden(d->text, to->realm);
	}
	if (w.fn != NULL) {
		w.fn(w.ctx, d);
		free(d->text);
	} else {
		w.n_kept++;
	}
	fail_alloc_resume();
}

struct transport bench_transport(void) {
	return (struct transport){.send = send_datagram};
}

void bench_on_sent(bench_sent_fn fn, void *ctx) {
	w.fn = fn;
	w.ctx = ctx;
}

const struct datagram *bench_take(const struct endpoint *remote) {
	for (unsigned i = 0; i < w.n_kept; i++)
		if (!w.taken[i] && endpoint_equal(&w.kept[i].to.remote, remote)) {
			w.taken[i] = true;
			return &w.kept[i];
		}
	return NULL;
}

unsigned bench_untaken(void) {
	unsigned n = 0;

	for (unsigned i = 0; i < w.n_kept; i++)
		n += !w.taken[i];
	return n;
}

void bench_expect_silence(void) {
	for (unsigned i = 0; i < w.n_kept; i++)
		ck_assert_msg(w.taken[i], "nobody waits for this, sent at %llu ms:\n%s",
			(unsigned long long)w.kept[i].at_ms, w.kept[i].text);
}

struct endpoint bench_endpoint(const char *address, uint16_t port) {
	struct endpoint e;

	if (endpoint_parse(address, strlen(address), port, &e) < 0)
		abort();
	return e;
}

void bench_wire_up(struct sip_stack *s) {
	w.up = stack_transport_user(s);
}

void bench_deliver(const char *text, const struct flow *from) {
	size_t len = strlen(text);
	char *data;

	fail_alloc_pause();
	data = malloc(len + 1); // of its own, so that a read beyond it is seen
	bench_wire_note(text, from->realm);
	memcpy(data, text, len);
	fail_alloc_resume();
	w.up.on_datagram(w.up.ctx, data, len, from);
	free(data);
	bench_settle();
}

void bench_icmp(const struct datagram *d) {
	w.up.on_icmp(w.up.ctx, &d->to, (struct span){d->text, d->len});
	bench_settle();
}

void bench_wire_open(const struct loop *loop) {
	memset(&w, 0, sizeof(w));
	w.loop = loop;
}

void bench_wire_close(void) {
	for (unsigned i = 0; i < w.n_kept; i++)
		free(w.kept[i].text);
	memset(&w, 0, sizeof(w));
}
