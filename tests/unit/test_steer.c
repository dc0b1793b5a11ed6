// The XDP program, run by the kernel on frames made here (BPF_PROG_RUN): nothing is attached, nothing is sent. Needs
// the right to load a program; without it the test is skipped (exit status 77).
#include "dpdk_app/xdp.h"
#include "tests/unit/run_suite.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <check.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FRAME = 60, TYPE = 12, TAG = 4, IP = 14, UDP = IP + 20, UDP_END = UDP + 8, N_MEDIA = STEER_MEDIA_MAX };

static struct bpf_object *object;
static int program, counts;

// A frame to 10.1.0.1:20000 of MAC 02:00:00:00:00:01, as the wire has it.
static const uint8_t media[FRAME] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, // Ethernet
	0x45, 0xb8, 0, 46, 0, 1, 0x40, 0, 64, 17, 0, 0, 10, 1, 0, 2, 10, 1, 0, 1, // IPv4, DF
	0x0f, 0xa0, 0x4e, 0x20, 0, 26, 0, 0, 0x80, 0}; // UDP, RTP

static int load(void) {
	struct steer_table table = {.magic = STEER_MAGIC, .mac = {2, 0, 0, 0, 0, 1}, .n_media = N_MEDIA};
	char path[32];
	int fd, ret;

	for (unsigned i = 0; i < N_MEDIA;
		i++) // 10.1.0.64 and down to 10.1.0.1: the last entry is looked at, too
		table.media[i] = (struct steer_media){.address = endpoint_v4_addr_be(&(struct endpoint){
							      .addr = {10, 1, 0, (uint8_t)(N_MEDIA - i)}}),
			.port_first = 16384,
			.port_last = 32767};
	// 10.1.0.64 has a second range.
	table.media[1] = (struct steer_media){
		.address = table.media[0].address, .port_first = 40000, .port_last = 40001};
	fd = xdp_object_open(&table);
	if (fd < 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	object = bpf_object__open_file(path, NULL);
	ret = object == NULL ? -errno : bpf_object__load(object);
	close(fd);
	if (ret < 0)
		return ret;
	program = bpf_program__fd(bpf_object__find_program_by_name(object, STEER_PROGRAM));
	counts = bpf_object__find_map_fd_by_name(object, STEER_COUNTS);
	return program < 0 || counts < 0 ? -ENOENT : 0;
}

// Run the program on a frame; gives what it returned and the class that it counted.
static uint32_t run(const uint8_t *frame, size_t length, enum xdp_class *class) {
	uint64_t before[XDP_CLASS_COUNT], after[XDP_CLASS_COUNT], counted = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (uint32_t)length);

	ck_assert_int_eq(xdp_counts_read(counts, before), 0);
	ck_assert_int_eq(bpf_prog_test_run_opts(program, &opts), 0);
	ck_assert_int_eq(xdp_counts_read(counts, after), 0);
	for (int i = 0; i < XDP_CLASS_COUNT; i++) {
		counted += after[i] - before[i];
		if (after[i] != before[i])
			*class = (enum xdp_class)i;
	}
	ck_assert_uint_eq(counted, 1);
	return opts.retval;
}

// The frame with a tag of that type and VLAN before its own type.
static void tag(const uint8_t frame[FRAME], uint16_t type, uint16_t control, uint8_t tagged[FRAME + TAG]) {
	memcpy(tagged, frame, TYPE);
	tagged[TYPE] = (uint8_t)(type >> 8);
	tagged[TYPE + 1] = (uint8_t)type;
	tagged[TYPE + 2] = (uint8_t)(control >> 8);
	tagged[TYPE + 3] = (uint8_t)control;
	memcpy(tagged + TYPE + TAG, frame + TYPE, FRAME - TYPE);
}

// Media without a socket to take it is dropped; all else passes. A tag makes no difference.
static const struct {
	const char *what;
	struct {
		uint8_t at, value;
	} change[4]; // of the media frame; 0, 0: none
	enum xdp_class class;
} frames[] = {
	{"media", {{0}}, XDP_CLASS_DROPPED},
	{"lowest port", {{UDP + 2, 0x40}, {UDP + 3, 0x00}}, XDP_CLASS_DROPPED},
	{"below the lowest port", {{UDP + 2, 0x3f}, {UDP + 3, 0xff}}, XDP_CLASS_UDP},
	{"highest port", {{UDP + 2, 0x7f}, {UDP + 3, 0xff}}, XDP_CLASS_DROPPED},
	{"above the highest port", {{UDP + 2, 0x80}, {UDP + 3, 0x00}}, XDP_CLASS_UDP},
	{"SIP", {{UDP + 2, 0x13}, {UDP + 3, 0xc4}}, XDP_CLASS_UDP},
	{"another media address", {{IP + 19, 64}}, XDP_CLASS_DROPPED},
	{"second range of an address", {{IP + 19, 64}, {UDP + 2, 0x9c}, {UDP + 3, 0x41}}, XDP_CLASS_DROPPED},
	{"beyond that range", {{IP + 19, 64}, {UDP + 2, 0x9c}, {UDP + 3, 0x42}}, XDP_CLASS_UDP},
	{"not a media address", {{IP + 19, 65}}, XDP_CLASS_UDP},
	{"an address backwards", {{IP + 16, 1}, {IP + 17, 0}, {IP + 18, 1}, {IP + 19, 10}}, XDP_CLASS_UDP},
	{"another MAC", {{5, 9}}, XDP_CLASS_UDP},
	{"broadcast-like MAC", {{0, 0xff}}, XDP_CLASS_UDP},
	{"ARP", {{13, 0x06}}, XDP_CLASS_NOT_IP},
	{"IPv6", {{12, 0x86}, {13, 0xdd}}, XDP_CLASS_NOT_IP},
	{"IP version 6 in an IPv4 frame", {{IP, 0x65}}, XDP_CLASS_NOT_IP},
	{"TCP", {{IP + 9, 6}}, XDP_CLASS_OTHER},
	{"ICMP", {{IP + 9, 1}}, XDP_CLASS_OTHER},
	{"options", {{IP, 0x46}}, XDP_CLASS_OPTIONS},
	{"header length below 5", {{IP, 0x44}}, XDP_CLASS_OPTIONS},
	{"first fragment", {{IP + 6, 0x20}}, XDP_CLASS_FRAGMENT},
	{"later fragment", {{IP + 6, 0x00}, {IP + 7, 1}}, XDP_CLASS_FRAGMENT},
	{"high offset", {{IP + 6, 0x1f}, {IP + 7, 0xff}}, XDP_CLASS_FRAGMENT},
	{"reserved bit only", {{IP + 6, 0x80}}, XDP_CLASS_DROPPED},
};

static void check(const char *what, const uint8_t *frame, size_t length, enum xdp_class expected) {
	enum xdp_class class = XDP_CLASS_COUNT;
	const uint32_t action = run(frame, length, &class);

	ck_assert_msg(class == expected, "%s, %zu bytes: %s", what, length, xdp_class_name(class));
	ck_assert_msg(
		action == (class == XDP_CLASS_DROPPED ? XDP_DROP : XDP_PASS), "%s: action %u", what, action);
}

START_TEST(classes) {
	uint8_t frame[FRAME], tagged[FRAME + TAG];

	memcpy(frame, media, sizeof(frame));
	for (int i = 0; i < 4; i++) {
		if (frames[_i].change[i].at != 0 || frames[_i].change[i].value != 0)
			frame[frames[_i].change[i].at] = frames[_i].change[i].value;
	}
	check(frames[_i].what, frame, sizeof(frame), frames[_i].class);
	tag(frame, 0x8100, 0xa064, tagged); // priority 5, VLAN 100
	check(frames[_i].what, tagged, sizeof(tagged), frames[_i].class);
}
END_TEST

static const struct {
	const char *what;
	uint16_t type, control;
	enum xdp_class class;
} tags[] = {
	{"priority tag", 0x8100, 0xa000, XDP_CLASS_DROPPED},
	{"VLAN 1", 0x8100, 0x0001, XDP_CLASS_DROPPED},
	{"VLAN 4095", 0x8100, 0x0fff, XDP_CLASS_DROPPED},
	{"a provider's tag (802.1ad)", 0x88a8, 0x0064, XDP_CLASS_NOT_IP},
	{"an old provider's tag", 0x9100, 0x0064, XDP_CLASS_NOT_IP},
};

START_TEST(any_tag) {
	uint8_t frame[FRAME + TAG];

	tag(media, tags[_i].type, tags[_i].control, frame);
	check(tags[_i].what, frame, sizeof(frame), tags[_i].class);
}
END_TEST

START_TEST(two_tags) {
	uint8_t frame[FRAME + TAG], twice[FRAME + 2 * TAG];

	tag(media, 0x8100, 0x0064, frame);
	memcpy(twice, frame, TYPE + TAG);
	memcpy(twice + TYPE + TAG, frame + TYPE, sizeof(frame) - TYPE);
	check("two tags", twice, sizeof(twice), XDP_CLASS_NOT_IP);
}
END_TEST

// The kernel runs nothing shorter than an Ethernet header.
START_TEST(cut_off) {
	uint8_t tagged[FRAME + TAG];

	tag(media, 0x8100, 0x0064, tagged);
	for (size_t length = IP; length <= FRAME; length++) {
		enum xdp_class expected = XDP_CLASS_DROPPED;

		if (length < UDP_END)
			expected = length < UDP ? XDP_CLASS_NOT_IP : XDP_CLASS_UDP;
		check("untagged", media, length, expected);
		check("tagged", tagged, length + TAG, expected);
	}
	for (size_t length = IP; length < IP + TAG; length++)
		check("cut within the tag", tagged, length, XDP_CLASS_NOT_IP);
}
END_TEST

int main(void) {
	Suite *s = suite_create("steer");
	TCase *t = tcase_create("steer");
	int ret, status;

	xdp_log_init();
	ret = load();
	if (ret == -EPERM) {
		puts("this user may not load XDP programs");
		return 77;
	}
	if (ret < 0) {
		printf("steer: the program doesn't load: %s\n", strerror(-ret));
		return 1;
	}
	tcase_add_loop_test(t, classes, 0, (int)(sizeof(frames) / sizeof(frames[0])));
	tcase_add_loop_test(t, any_tag, 0, (int)(sizeof(tags) / sizeof(tags[0])));
	tcase_add_test(t, two_tags);
	tcase_add_test(t, cut_off);
	suite_add_tcase(s, t);
	status = run_suite(s);
	bpf_object__close(object);
	return status;
}
