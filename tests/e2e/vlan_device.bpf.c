// A VLAN interface made of a veth pair, for kernels built without 802.1Q (vlan_device.c attaches it):
//
//	DEVICE ── ingress: frames of the VLAN, tag popped ──► PAIR ══ the interface
//	DEVICE ◄── ingress of PAIR: tag pushed ────────────── PAIR ══ the interface
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

// Filled in by the loader. One struct: the compiler doesn't keep the order of variables.
const volatile struct {
	__u32 vlan;
	__u32 device, pair; // interface indexes
} config;

SEC("tc")
int vlan_in(struct __sk_buff *skb) {
	if (!skb->vlan_present || (skb->vlan_tci & 0xfff) != config.vlan)
		return TC_ACT_UNSPEC;
	return bpf_skb_vlan_pop(skb) < 0 ? TC_ACT_SHOT : (int)bpf_redirect(config.pair, 0);
}

SEC("tc")
int vlan_out(struct __sk_buff *skb) {
	if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), (__u16)config.vlan) < 0)
		return TC_ACT_SHOT;
	return (int)bpf_redirect(config.device, 0);
}

char vlan_license[] SEC("license") = "Dual BSD/GPL";
