/** StoreUDPTimeSeqRecord: writes a sequence number and the time into UDP payloads, to measure delays.
 *
 * Synopsis: `StoreUDPTimeSeqRecord([<keywords> OFFSET, DELTA])`
 *
 * The payload must have 22 bytes or more. Its first 20 become five numbers of 4 bytes in network order: a
 * sequence number from 1, the time in seconds and nanoseconds, and a difference in seconds and nanoseconds.
 * The UDP checksum is updated, if there is one. What is not UDP or too short passes
 * unchanged; IPv6 packets that have not UDP as next header are dropped.
 *
 * Arguments: OFFSET (unsigned): where the IP header begins; 14 in Ethernet frames. Default 0. DELTA (bool):
 * true leaves sequence number and time and writes how long ago that time was; false writes these and a
 * difference of 0. Default false.
 *
 * Example: `RatedSource(LENGTH 22, RATE 10) -> UDPIPEncap(1.0.0.1, 1, 2.0.0.2, 2) -> StoreUDPTimeSeqRecord ->
 * DelayShaper(100ms) -> StoreUDPTimeSeqRecord(DELTA true) -> Discard;`
 */
#include "../ip/ip.h"

enum { RECORD = 20, PAYLOAD_MIN = 22 };

typedef struct StoreUDPTimeSeqRecord {
  Element base;
  uint32_t offset, sequence;
  bool delta;
} StoreUDPTimeSeqRecord;

static inline int store_record(StoreUDPTimeSeqRecord *s, Packet *p) {
  if (p->len < s->offset + 20u) return 0;
  if (!packet_unique(p)) return PACKET_DROP;
  const uint8_t *ip = p->data + s->offset, *end = packet_end(p);
  size_t header = 40;
  if (ip[0] >> 4 == 4) {
    if (ip[9] != IP_PROTO_UDP || !ip_first_fragment(ip)) return 0;
    header = ip_hlen(ip);
  } else if (ip[0] >> 4 != 6 || ip[6] != IP_PROTO_UDP)
    return PACKET_DROP;
  if ((size_t)(end - ip) < header + 8 + PAYLOAD_MIN) return 0;
  uint8_t *udp = p->data + s->offset + header, *r = udp + 8;
  uint64_t before = in_sum(r, RECORD, 0);
  int64_t now = time_now(&s->base);
  uint32_t at;
  if (s->delta) {
    int64_t passed = now - (int64_t)be32(load32(r + 4)) * NSEC_PER_SEC - be32(load32(r + 8));
    at = 12;
    now = passed;
  } else {
    store32(r, be32(++s->sequence));
    store64(r + 12, 0);
    at = 4;
  }
  int64_t seconds = now / NSEC_PER_SEC, rest = now % NSEC_PER_SEC;
  if (rest < 0) seconds--, rest += NSEC_PER_SEC;
  store32(r + at, be32((uint32_t)seconds));
  store32(r + at + 4, be32((uint32_t)rest));
  if (load16(udp + 6)) {
    uint16_t sum = (uint16_t)~in_fold((uint64_t)(uint16_t)~load16(udp + 6) + (uint16_t)~in_fold(before) +
                                      in_fold(in_sum(r, RECORD, 0)));
    store16(udp + 6, sum ? sum : 0xffff);
  }
  return 0;
}

ACTION(StoreUDPTimeSeqRecord, store_record)

ELEMENT(StoreUDPTimeSeqRecord, .ports = "1/1", USE_ACTION(StoreUDPTimeSeqRecord, store_record),
        .args = ARGS(ARG(StoreUDPTimeSeqRecord, U32, "OFFSET", offset, "0", .min = 0, .max = 65535),
                     ARG(StoreUDPTimeSeqRecord, BOOL, "DELTA", delta, "false")));
