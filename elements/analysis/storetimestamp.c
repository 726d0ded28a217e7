/** StoreTimestamp: stores packets' timestamps in their data.
 *
 * Synopsis: `StoreTimestamp([OFFSET, <keywords> TAIL])`
 *
 * Writes 8 bytes in the byte order of the machine: nanoseconds since the epoch. Packets grow as needed.
 * Exactly one of the arguments is given.
 *
 * Arguments: OFFSET (int): where in the packet. TAIL (bool): behind its end. Default false.
 *
 * Example: `InfiniteSource(LIMIT 1, STOP true) -> StoreTimestamp(TAIL true) -> Print(MAXLENGTH -1) ->
 * Discard;`
 */
#include <clicklet/element.h>

typedef struct StoreTimestamp {
  Element base;
  int32_t offset;
  bool tail;
} StoreTimestamp;

static inline int store_timestamp(StoreTimestamp *e, Packet *p) {
  uint32_t at = e->tail ? p->len : (uint32_t)e->offset, have = p->len;
  if (at + 8 > have) {
    if (!packet_put(p, at + 8 - have)) return PACKET_DROP;
    memset(p->data + have, 0, at + 8 - have);
  } else if (!packet_unique(p))
    return PACKET_DROP;
  store64(p->data + at, (uint64_t)p->timestamp);
  return 0;
}

ACTION(StoreTimestamp, store_timestamp)

static int store_configure(Element *e, const Args *args, Errors *errs) {
  StoreTimestamp *s = (StoreTimestamp *)e;
  (void)args;
  return (s->offset >= 0) == s->tail ? error(errs, "expected one of OFFSET and TAIL") : 0;
}

ELEMENT(StoreTimestamp, .ports = "1/1", USE_ACTION(StoreTimestamp, store_timestamp),
        .configure = store_configure,
        .args = ARGS(ARG_POS(StoreTimestamp, I32, "OFFSET", offset, "-1", .min = -1, .max = 65535),
                     ARG(StoreTimestamp, BOOL, "TAIL", tail, "false")));
