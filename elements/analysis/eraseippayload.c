/** EraseIPPayload: overwrites the payload of TCP and UDP packets with zeros.
 *
 * Synopsis: `EraseIPPayload()`. Headers, lengths and checksums stay as they are. ICMP packets pass unchanged;
 * those of other protocols, and those without an IP header, are dropped. Of later fragments all behind the IP
 * header is payload; the reference takes its first bytes for a TCP or UDP header.
 *
 * Example: `FromDump(in.pcap, STOP true, FORCE_IP true) -> EraseIPPayload -> ToDump(out.pcap, ENCAP IP);`
 */
#include "../ip/ip.h"

typedef struct EraseIPPayload {
  Element base;
} EraseIPPayload;

static inline int erase(EraseIPPayload *e, Packet *p) {
  const uint8_t *ip = ip_full_header(p);
  (void)e;
  if (!ip) return PACKET_DROP;
  if (ip[9] != IP_PROTO_TCP && ip[9] != IP_PROTO_UDP) return ip[9] == IP_PROTO_ICMP ? 0 : PACKET_DROP;
  size_t at = (size_t)(ip - p->data) + ip_hlen(ip), end = (size_t)(ip - p->data) + ip_len(ip);
  if (end > p->len) end = p->len;
  if (ip_first_fragment(ip)) {
    if (ip[9] == IP_PROTO_TCP && at + 13 <= p->len)
      at += (size_t)(p->data[at + 12] >> 4) * 4 > 20 ? (size_t)(p->data[at + 12] >> 4) * 4 : 20;
    else
      at += ip[9] == IP_PROTO_TCP ? 20 : 8;
  }
  if (at >= end) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  memset(p->data + at, 0, end - at);
  return 0;
}

ACTION(EraseIPPayload, erase)

ELEMENT(EraseIPPayload, .ports = "1/1", USE_ACTION(EraseIPPayload, erase), .args = NO_ARGS);
