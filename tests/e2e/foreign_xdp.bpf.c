// Somebody else's XDP program, which does nothing.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int foreign_xdp(struct xdp_md *frame) {
	(void)frame;
	return XDP_PASS;
}

char foreign_license[] SEC("license") = "Dual BSD/GPL";
