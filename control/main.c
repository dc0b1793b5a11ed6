// kedge-control: one thread, one loop. main owns every part and ends them in reverse order.
#include "config/config.h"
#include "config/program.h"
#include "config/unix_socket.h"
#include "control/call/drain.h"
#include "control/ops/cli_server.h"
#include "control/token.h"

#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct control {
	struct config *config;
	struct loop *loop;
	struct tokens *tokens;
	struct records *records;
	struct calls *calls;
	struct cli_server *cli;
	struct event *signals[2];
	struct drain drain;
	int lock;
};

static void on_call_ended(void *ctx, const struct call_view *v) {
	struct control *c = ctx;

	records_add(c->records, v);
}

static void on_drained(void *ctx) {
	struct control *c = ctx;

	drain_on_drained(&c->drain);
}

static void on_signal(evutil_socket_t signo, short what, void *ctx) {
	struct control *c = ctx;

	(void)what;
	drain_on_signal(&c->drain, signo);
	loop_end_turn(c->loop);
}

static int watch_signals(struct control *c) {
	static const int numbers[2] = {SIGTERM, SIGINT};

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		c->signals[i] = evsignal_new(loop_base(c->loop), numbers[i], on_signal, c);
		if (c->signals[i] == NULL || event_add(c->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int open_cli(struct control *c) {
	const struct cli_sources sources = {
		.loop = c->loop,
		.config = c->config,
		.calls = c->calls,
		.media = calls_media(c->calls),
		.stack = calls_stack(c->calls),
		.records = c->records,
		.started_ms = loop_now_ms(c->loop),
	};

	return cli_server_create(&sources, &c->cli);
}

// Returns an exit status; what failed was said in the log.
static int open_parts(struct control *c) {
	const struct calls_hooks hooks = {c, on_call_ended, on_drained};
	int ret;

	c->lock = instance_lock(c->config->control.socket);
	if (c->lock < 0) {
		log_error("control socket=%s lock=refused cause=\"%s\"", c->config->control.socket,
			c->lock == -EBUSY ? "another kedge-control runs with this config"
					  : strerror(-c->lock));
		return EXIT_REFUSED;
	}
	ret = loop_create(&c->loop);
	if (ret == 0)
		ret = tokens_create(
			(uint16_t)c->config->node_id, c->config->control.token_key_file, &c->tokens);
	if (ret == 0)
		ret = records_create(c->config, &c->records);
	if (ret == 0)
		ret = calls_create(c->loop, c->config, c->tokens, &hooks, &c->calls);
	c->drain = (struct drain){.loop = c->loop, .calls = c->calls};
	if (ret == 0)
		ret = open_cli(c);
	if (ret == 0)
		ret = watch_signals(c);
	if (ret < 0)
		log_error("control start=failed cause=\"%s\"", strerror(-ret));
	return ret < 0 ? EXIT_REFUSED : EXIT_OK;
}

static void close_parts(struct control *c) {
	cli_server_destroy(c->cli);
	calls_destroy(c->calls);
	records_destroy(c->records);
	tokens_destroy(c->tokens);
	for (int i = 0; i < 2; i++)
		if (c->signals[i] != NULL)
			event_free(c->signals[i]);
	loop_destroy(c->loop);
	if (c->lock >= 0)
		close(c->lock);
}

static int run(struct config *config) {
	struct control c = {.config = config, .lock = -1};
	int status = open_parts(&c);

	if (status == EXIT_OK) {
		log_info("control state=ready node=%s socket=%s", config->node, config->control.socket);
		if (loop_run(c.loop) < 0)
			status = EXIT_REFUSED;
	}
	close_parts(&c);
	return status;
}

static void usage(FILE *to) {
	fprintf(to,
		"usage: kedge-control [-c FILE]\n"
		"Kedge's SIP back-to-back user agent, in the foreground; logs go to stderr.\n"
		"  -c, --config FILE  config file (default " CONFIG_DEFAULT_PATH ")\n"
		"  -h, --help         this text\n"
		"SIGTERM drains: no new calls, the end when the last one is over or after %d s; a second one ends at once.\n"
		"Exit status: 0; 1 refused; 2 usage or wrong configuration.\n",
		DRAIN_S);
}

int main(int argc, char **argv) {
	static const struct option options[] = {{"config", required_argument, NULL, 'c'},
		{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
	const char *path = CONFIG_DEFAULT_PATH;
	struct config *config;
	int option, status;

	while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return EXIT_OK;
		}
		if (option != 'c') {
			usage(stderr);
			return EXIT_USAGE;
		}
		path = optarg;
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	log_init("kedge-control", LOG_LEVEL_INFO);
	if (config_load(path, stderr, &config) < 0)
		return EXIT_USAGE;
	log_set_level(config->log_level);
	status = run(config);
	config_unload(config);
	return status;
}
