// A whole relay over devices that DPDK makes up, one of them with a TAP, started with each allocation failing once.
#include "dpdk_app/app.h"

#include "config/program.h"
#include "tests/unit/config_text.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { MOST_ALLOCATIONS = 500, SKIPPED = 77 };

static const char reserved_ports[] = "/proc/sys/net/ipv4/ip_local_reserved_ports";
static char folder[] = "/tmp/test_app.XXXXXX";

// What became of a relay, as its process's exit status tells it.
enum outcome {
	STARTED = 40,
	STARTED_WITHOUT,
	REFUSED,
	REFUSED_FOR_NOTHING,
	ODD_STATUS,
	LEFT_PORTS,
	LEFT_SOCKET
};

static struct config *load(void) {
	char text[2048], path[CONFIG_TEXT_PATH];
	struct config *config = NULL;
	int fd;

	snprintf(text, sizeof(text),
		"node = \"test\"; node_id = 1;\n"
		"relay: { control_socket = \"%s/relay.sock\"; workers = [ %d ]; max_sessions = 16;\n"
		"  ports = ( { name = \"access\"; device = \"vdev:net_null0\"; kernel_if = \"access0\"; },\n"
		"            { name = \"core\"; device = \"vdev:net_null1\"; } ); };\n"
		"control: { socket = \"%s/control.sock\"; };\n"
		"realms = (\n"
		"  { name = \"access\"; port = \"access\";\n"
		"    media = ( { address = \"203.0.113.1\"; ports = [ 40000, 40099 ]; } );\n"
		"    sip = ( { address = \"203.0.113.1\"; } ); },\n"
		"  { name = \"core\"; port = \"core\";\n"
		"    media = ( { address = \"198.51.100.1\"; ports = [ 40000, 40099 ]; } );\n"
		"    sip = ( { address = \"198.51.100.1\"; } ); } );\n"
		"trunks = ( { name = \"t\"; realm = \"core\"; peers = ( { address = \"198.51.100.2\"; } ); } );\n"
		"routes = ( { from_realm = \"access\"; user = \".*\"; to = ( \"t\" ); } );\n",
		folder, sched_getcpu(), folder);
	fd = config_text_open(text, strlen(text), path);
	ck_assert_int_eq(config_load(path, stderr, &config), 0);
	close(fd);
	return config;
}

static bool ports_are_reserved(void) {
	FILE *f = fopen(reserved_ports, "re");
	char line[64] = "";
	bool reserved = f == NULL || (fgets(line, sizeof(line), f) != NULL && line[0] != '\n');

	if (f != NULL)
		fclose(f);
	return reserved;
}

static bool socket_is_there(void) {
	DIR *d = opendir(folder);
	const struct dirent *e;
	bool there = d == NULL;

	while (d != NULL && (e = readdir(d)) != NULL)
		there |= strstr(e->d_name, "sock") != NULL && strstr(e->d_name, "lock") == NULL;
	if (d != NULL)
		closedir(d);
	return there;
}

// EAL is a library: what it allocates to start doesn't fail.
int __real_rte_eal_init(int argc, char **argv);
int __wrap_rte_eal_init(int argc, char **argv);
int __wrap_rte_eal_init(int argc, char **argv) {
	int ret;

	fail_alloc_pause();
	ret = __real_rte_eal_init(argc, argv);
	fail_alloc_resume();
	return ret;
}

// In a process and a network namespace of its own: EAL can be started only once.
static enum outcome run(unsigned k, const struct config *config) {
	sigset_t term;
	bool failed;
	int status;

	// It waits already when the relay is ready, which has no sessions to drain.
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	kill(getpid(), SIGTERM);
	fail_alloc_at(k);
	status = app_run(config);
	failed = fail_alloc_end();
	if (ports_are_reserved())
		return LEFT_PORTS;
	if (socket_is_there())
		return LEFT_SOCKET;
	if (status == EXIT_OK)
		return failed ? STARTED_WITHOUT : STARTED;
	if (status != EXIT_REFUSED)
		return ODD_STATUS;
	return failed ? REFUSED : REFUSED_FOR_NOTHING;
}

static enum outcome outcome_of(unsigned k, const struct config *config, char *log, size_t size) {
	int fds[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		exit(unshare(CLONE_NEWNET) < 0 ? SKIPPED : (int)run(k, config));
	}
	close(fds[1]);
	while ((n = read(fds[0], log + len, size - 1 - len)) > 0)
		len += (size_t)n;
	log[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "allocation %u: signal %d\n%s", k, WTERMSIG(status), log);
	return (enum outcome)WEXITSTATUS(status);
}

// What the log has to say of an outcome; NULL: it must not come.
static const char *word_of(enum outcome outcome) {
	switch (outcome) {
	case STARTED:
	case STARTED_WITHOUT:
		return " ready\n";
	case REFUSED:
		return "relay doesn't start: ";
	case LEFT_PORTS:
		return "keeps the media ports: Cannot allocate memory"; // until the next start
	default:
		return NULL;
	}
}

// It starts or is refused, says so, and takes back what it did to the host.
START_TEST(survives_failing_allocations) {
	struct config *config = load();
	enum outcome outcome = REFUSED;
	static char log[65536];
	unsigned refused = 0;

	for (unsigned k = 1; k < MOST_ALLOCATIONS && outcome != STARTED; k++) {
		const char *word;

		outcome = outcome_of(k, config, log, sizeof(log));
		word = word_of(outcome);
		ck_assert_msg(word != NULL && strstr(log, word) != NULL, "allocation %u: outcome %d\n%s", k,
			outcome, log);
		refused += outcome == REFUSED;
	}
	ck_assert_int_eq(outcome, STARTED);
	ck_assert_uint_gt(refused, 30);
	config_unload(config);
}
END_TEST

static void setup(void) {
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void teardown(void) {
	char path[64];

	snprintf(path, sizeof(path), "%s/relay.sock.lock", folder);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
}

int main(void) {
	Suite *s = suite_create("app");
	TCase *c = tcase_create("app");

	if (geteuid() != 0)
		return SKIPPED;
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
