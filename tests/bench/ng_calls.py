#!/usr/bin/env python3
"""Sets up calls at an rtpengine by its ng protocol (bencoded dictionaries over UDP), an offer and an answer each.

    ng_calls.py HOST:PORT N ACCESS_PEER CORE_PEER

A peer is ADDRESS[+N]:PORT[+M], as in load_plan.h. Prints a line a call: rtpengine's and the peer's RTP endpoint towards access,
the same towards core: what relay_load reads with -e. Exit status 1 when rtpengine refuses.
"""
import ipaddress
import re
import socket
import sys


def encode(value):
    if isinstance(value, int):
        return b'i%de' % value
    if isinstance(value, str):
        return encode(value.encode())
    if isinstance(value, bytes):
        return b'%d:%s' % (len(value), value)
    if isinstance(value, list):
        return b'l' + b''.join(map(encode, value)) + b'e'
    return b'd' + b''.join(encode(key) + encode(value[key]) for key in sorted(value)) + b'e'


def decode(data, at=0):
    """The value at a place of data, and the place behind it."""
    kind = data[at:at + 1]
    if kind == b'i':
        end = data.index(b'e', at)
        return int(data[at + 1:end]), end + 1
    if kind in (b'l', b'd'):
        items, at = [], at + 1
        while data[at:at + 1] != b'e':
            item, at = decode(data, at)
            items.append(item)
        return (items if kind == b'l' else dict(zip(items[::2], items[1::2]))), at + 1
    colon = data.index(b':', at)
    end = colon + 1 + int(data[at:colon])
    return data[colon + 1:end].decode(), end


def peer_at(text, i):
    """The i-th endpoint of a range: the addresses first, then the even ports."""
    address, n_addresses, port, n_ports = re.fullmatch(r'([\d.]+)(?:\+(\d+))?:(\d+)(?:\+(\d+))?', text).groups('1')
    n_addresses, n_ports = int(n_addresses), int(n_ports)
    return (str(ipaddress.ip_address(address) + i % n_addresses), int(port) + 2 * (i // n_addresses % n_ports))


def sdp_of(peer):
    return (f'v=0\r\no=- 1 1 IN IP4 {peer[0]}\r\ns=-\r\nc=IN IP4 {peer[0]}\r\nt=0 0\r\n'
            f'm=audio {peer[1]} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendrecv\r\n')


def endpoint_of(sdp):
    address = re.search(r'^c=IN IP4 (\S+)', sdp, re.M).group(1)
    return f"{address}:{re.search(r'^m=audio ([0-9]+) ', sdp, re.M).group(1)}"


class Rtpengine:
    def __init__(self, text):
        host, port = text.split(':')
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect((host, int(port)))
        self.socket.settimeout(5)
        self.cookie = 0

    def ask(self, **request):
        self.cookie += 1
        self.socket.send(b'%d %s' % (self.cookie, encode({k.replace('_', '-'): v for k, v in request.items()})))
        cookie, _, answer = self.socket.recv(65536).partition(b' ')
        answer = decode(answer)[0]
        if int(cookie) != self.cookie or answer.get('result') not in ('ok', 'pong'):
            sys.exit(f'rtpengine: {answer}')
        return answer

    def call(self, i, access, core):
        names = {'call_id': f'call{i}', 'from_tag': f'a{i}'}
        common = {'ICE': 'remove', 'replace': ['origin', 'session-connection']}
        towards_core = self.ask(command='offer', sdp=sdp_of(access), direction=['access', 'core'], **names, **common)
        towards_access = self.ask(command='answer', sdp=sdp_of(core), to_tag=f'b{i}', **names, **common)
        return endpoint_of(towards_access['sdp']), endpoint_of(towards_core['sdp'])


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    rtpengine = Rtpengine(sys.argv[1])
    for i in range(int(sys.argv[2])):
        access, core = peer_at(sys.argv[3], i), peer_at(sys.argv[4], i)
        ours = rtpengine.call(i, access, core)
        print(ours[0], '%s:%d' % access, ours[1], '%s:%d' % core)


main()
