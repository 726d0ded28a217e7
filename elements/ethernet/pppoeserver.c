/** PPPoEServer: the access concentrator's side of PPPoE sessions (RFC 2516): discovery, PPP, data.
 *
 * Synopsis: `PPPoEServer(ETHER, IP, POOL [, <keywords> NAME, SESSIONS, TIMEOUT, DNS])`
 *
 * Input 0: Ethernet frames from subscribers. Input 1: IP packets for subscribers; the session is that of the
 * destination address. Answers discovery, and speaks as much PPP as IPv4 needs: LCP (RFC 1661; MRU and magic
 * number, echo), IPCP (RFC 1332; the address, and name servers of RFC 1877). No authentication: who may come
 * is decided in front of it, by Ethernet address or VLAN. Other protocols of PPP get a protocol reject.
 *
 * Outputs: 0: frames for subscribers. 1: IP packets from them, headers taken off, network header set; only
 * from the address that the session was given. 2 (optional): input 1's packets for addresses without a
 * session.
 *
 * Arguments: ETHER: our address. IP: our address of the sessions. POOL (IP/length): subscribers get addresses
 * from here, the same one as before while nobody else needed it. NAME (text): of the concentrator. Default
 * clicklet. SESSIONS (1 to 65535): at most. Default 256. TIMEOUT (time): a session that was silent for so
 * long may give way to a new one. Default 300 s. DNS (IP): a name server for subscribers.
 *
 * Handlers: `sessions` (read): a line for each: number, Ethernet address, IP address, state (discovered,
 * open), packets and bytes from and to the subscriber. `count` (read): open sessions. `refused` (read):
 * requests that found no place. `drops` (read): packets that belong to no session, or claim another address.
 * `terminate` (write): end the session of that number.
 *
 * Differs: the reference has no PPPoE.
 *
 * Example: `FromDevice(0) -> b :: PPPoEServer(02:00:00:00:00:01, 10.0.0.1, 10.0.0.0/24) -> Queue ->
 * ToDevice(0); b [1] -> Discard; Idle -> [1] b;`
 */
#include "wire.h"

enum {
  PPPOE_DISCOVERY = 0x8863,
  PPPOE_SESSION = 0x8864,
  PPPOE_HEADER = 6,
  PPPOE_FRAME = 20 /* with Ethernet */
};
enum { PADO = 0x07, PADI = 0x09, PADR = 0x19, PADS = 0x65, PADT = 0xa7 };
enum { TAG_SERVICE = 0x0101, TAG_AC_NAME = 0x0102, TAG_HOST_UNIQ = 0x0103, TAG_AC_SYSTEM_ERROR = 0x0202 };
enum { PPP_IP = 0x0021, PPP_IPCP = 0x8021, PPP_LCP = 0xc021 };
enum {
  PPP_REQUEST = 1,
  PPP_ACK,
  PPP_NAK,
  PPP_REJECT,
  PPP_TERMINATE,
  PPP_TERMINATED,
  PPP_PROTOCOL_REJECT = 8,
  PPP_ECHO,
  PPP_ECHOED
};
enum { LCP_MRU = 1, LCP_MAGIC = 5, IPCP_ADDRESS = 3, IPCP_DNS1 = 129, IPCP_DNS2 = 131 };
enum { PPPOE_ROOM = 1500 }; /* of our own frames */

typedef struct PPPoESession {
  uint8_t ether[6];
  bool used, open; /* open: its address is agreed on */
  uint32_t magic;
  int64_t last; /* steady ns */
  uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
} PPPoESession;

typedef struct PPPoEServer {
  Element base;
  uint8_t ether[6];
  uint32_t ip, dns;
  IPPrefix pool;
  char *name;
  uint32_t capacity;
  int64_t timeout;
  PPPoESession *sessions; /* number n at n - 1 */
  uint64_t refused, drops;
} PPPoEServer;

/* The n-th session's address: our own and the network's are left out. */
static uint32_t pppoe_address(const PPPoEServer *e, uint32_t n) {
  uint32_t a = be32(e->pool.addr) + 1 + n;
  if (be32(e->ip) > be32(e->pool.addr) && be32(e->ip) <= a) a++;
  return be32(a);
}

static PPPoESession *pppoe_session_of(PPPoEServer *e, uint32_t address) {
  uint32_t n = be32(address) - be32(e->pool.addr) - 1;
  if (be32(e->ip) > be32(e->pool.addr) && be32(e->ip) < be32(address)) n--;
  return n < e->capacity && e->sessions[n].open && pppoe_address(e, n) == address ? &e->sessions[n] : NULL;
}

/* ---- Making frames ------------------------------------------------------------------------------------ */

typedef struct PPPoEFrame {
  uint8_t bytes[PPPOE_ROOM];
  uint32_t len;
} PPPoEFrame;

static void pppoe_begin(const PPPoEServer *e, PPPoEFrame *f, const uint8_t *to, uint16_t type, uint8_t code,
                        uint16_t session) {
  memcpy(f->bytes, to, 6);
  memcpy(f->bytes + 6, e->ether, 6);
  wire_put16(f->bytes + 12, type);
  f->bytes[14] = 0x11;
  f->bytes[15] = code;
  wire_put16(f->bytes + 16, session);
  f->len = PPPOE_FRAME;
}

static void pppoe_put(PPPoEFrame *f, const void *data, uint32_t n) {
  if (n > PPPOE_ROOM - f->len) n = PPPOE_ROOM - f->len;
  memcpy(f->bytes + f->len, data, n);
  f->len += n;
}

static void pppoe_put16(PPPoEFrame *f, uint16_t v) {
  v = be16(v);
  pppoe_put(f, &v, 2);
}

static void pppoe_tag(PPPoEFrame *f, uint16_t tag, const void *data, uint32_t n) {
  if (n + 4 > PPPOE_ROOM - f->len) return;
  pppoe_put16(f, tag);
  pppoe_put16(f, (uint16_t)n);
  pppoe_put(f, data, n);
}

static void pppoe_send(PPPoEServer *e, PPPoEFrame *f) {
  wire_put16(f->bytes + 18, (uint16_t)(f->len - PPPOE_FRAME));
  while (f->len < 60) f->bytes[f->len++] = 0;
  Packet *p = packet_make(PACKET_HEADROOM, f->bytes, f->len, 0);
  if (!p) return;
  p->mac = p->data;
  output_push(&e->base, 0, p);
}

/* One packet of a control protocol of PPP. */
static void pppoe_control(PPPoEServer *e, PPPoESession *s, uint16_t protocol, uint8_t code, uint8_t id,
                          const void *data, uint32_t n) {
  PPPoEFrame f;
  if (n > PPPOE_ROOM - PPPOE_FRAME - 6) n = PPPOE_ROOM - PPPOE_FRAME - 6;
  pppoe_begin(e, &f, s->ether, PPPOE_SESSION, 0, (uint16_t)(s - e->sessions + 1));
  pppoe_put16(&f, protocol);
  pppoe_put(&f, (uint8_t[]){code, id}, 2);
  pppoe_put16(&f, (uint16_t)(n + 4));
  pppoe_put(&f, data, n);
  pppoe_send(e, &f);
}

static void pppoe_end(PPPoEServer *e, PPPoESession *s) {
  PPPoEFrame f;
  pppoe_begin(e, &f, s->ether, PPPOE_DISCOVERY, PADT, (uint16_t)(s - e->sessions + 1));
  s->used = s->open = false;
  pppoe_send(e, &f);
}

/* ---- Discovery (RFC 2516, 5) -------------------------------------------------------------------------- */

/* The session that this subscriber had, a free one, or the one silent for longest if that is long enough. */
static PPPoESession *pppoe_place(PPPoEServer *e, const uint8_t *ether, int64_t now) {
  PPPoESession *found = NULL, *fresh = NULL, *freed = NULL, *oldest = NULL;
  for (PPPoESession *s = e->sessions; s < e->sessions + e->capacity; s++) {
    if ((s->used || s->last) && wire_same_ether(s->ether, ether)) found = s;
    if (!s->used && !s->last && !fresh) fresh = s;
    if (!s->used && s->last && (!freed || s->last < freed->last)) freed = s;
    if (s->used && now - s->last >= e->timeout && (!oldest || s->last < oldest->last)) oldest = s;
  }
  return found ? found : fresh ? fresh : freed ? freed : oldest;
}

static void pppoe_discovery(PPPoEServer *e, const uint8_t *d, uint32_t len) {
  uint8_t code = d[15];
  uint32_t n = wire_get16(d + 18);
  const uint8_t *tags = d + PPPOE_FRAME, *end = tags + n, *service = NULL, *uniq = NULL;
  if (n > len - PPPOE_FRAME) return;
  for (const uint8_t *t = tags; t + 4 <= end && wire_get16(t); t += 4 + wire_get16(t + 2)) {
    if (wire_get16(t + 2) > end - t - 4) return;
    if (wire_get16(t) == TAG_SERVICE) service = t;
    if (wire_get16(t) == TAG_HOST_UNIQ) uniq = t;
  }
  if (code == PADT) {
    uint16_t id = wire_get16(d + 16);
    PPPoESession *s = id && id <= e->capacity ? &e->sessions[id - 1] : NULL;
    if (s && s->used && wire_same_ether(s->ether, d + 6)) s->used = s->open = false;
    return;
  }
  if ((code != PADI && code != PADR) || !service || (code == PADR && !wire_same_ether(d, e->ether))) return;
  int64_t now = time_steady(&e->base);
  PPPoESession *s = pppoe_place(e, d + 6, now);
  if (!s) {
    e->refused++;
    if (code == PADI) return; /* another concentrator may have room */
  }
  PPPoEFrame f;
  uint16_t id = code == PADR && s ? (uint16_t)(s - e->sessions + 1) : 0;
  pppoe_begin(e, &f, d + 6, PPPOE_DISCOVERY, code == PADI ? PADO : PADS, id);
  pppoe_tag(&f, TAG_SERVICE, service + 4, wire_get16(service + 2));
  if (code == PADI) pppoe_tag(&f, TAG_AC_NAME, e->name, (uint32_t)strlen(e->name));
  if (uniq) pppoe_tag(&f, TAG_HOST_UNIQ, uniq + 4, wire_get16(uniq + 2));
  if (!s) pppoe_tag(&f, TAG_AC_SYSTEM_ERROR, "no free session", 15);
  if (id) {
    *s = (PPPoESession){.used = true, .magic = random_u32(&e->base), .last = now};
    memcpy(s->ether, d + 6, 6);
  }
  pppoe_send(e, &f);
  if (!id) return;
  uint8_t options[10] = {LCP_MRU, 4, 1492 >> 8, 1492 & 255, LCP_MAGIC, 6};
  memcpy(options + 6, &s->magic, 4);
  pppoe_control(e, s, PPP_LCP, PPP_REQUEST, 1, options, sizeof options);
}

/* ---- PPP ---------------------------------------------------------------------------------------------- */

/* What we think of one option: PPP_ACK, PPP_REJECT, or PPP_NAK with the value that we want in `value`. */
static uint8_t pppoe_option(const PPPoEServer *e, const PPPoESession *s, uint16_t protocol, const uint8_t *o,
                            uint32_t *value) {
  if (protocol == PPP_LCP)
    return (o[0] == LCP_MRU && o[1] == 4) || (o[0] == LCP_MAGIC && o[1] == 6) ? PPP_ACK : PPP_REJECT;
  if (o[0] == IPCP_ADDRESS)
    *value = pppoe_address(e, (uint32_t)(s - e->sessions));
  else if ((o[0] == IPCP_DNS1 || o[0] == IPCP_DNS2) && e->dns)
    *value = e->dns;
  else
    return PPP_REJECT;
  return o[1] != 6 ? PPP_REJECT : load32(o + 2) == *value ? PPP_ACK : PPP_NAK;
}

/* Answers a Configure-Request: a reject of what we do not know, else what we want otherwise, else all. */
static void pppoe_configure(PPPoEServer *e, PPPoESession *s, uint16_t protocol, uint8_t id, const uint8_t *o,
                            uint32_t n) {
  uint8_t lists[PPP_REJECT + 1][256];
  uint32_t used[PPP_REJECT + 1] = {0}, value = 0;
  bool address = false;
  for (uint32_t at = 0; at < n; at += o[at + 1]) {
    const uint8_t *x = o + at;
    if (n - at < 2 || x[1] < 2 || x[1] > n - at || n > 255) return;
    uint8_t verdict = pppoe_option(e, s, protocol, x, &value);
    memcpy(lists[verdict] + used[verdict], x, x[1]);
    if (verdict == PPP_NAK) memcpy(lists[verdict] + used[verdict] + 2, &value, 4);
    used[verdict] += x[1];
    address |= protocol == PPP_IPCP && x[0] == IPCP_ADDRESS;
  }
  uint8_t code = used[PPP_REJECT] ? PPP_REJECT : used[PPP_NAK] ? PPP_NAK : PPP_ACK;
  pppoe_control(e, s, protocol, code, id, lists[code], used[code]);
  if (protocol == PPP_LCP && code == PPP_ACK) { /* the link is there: say who we are */
    uint8_t ours[6] = {IPCP_ADDRESS, 6};
    memcpy(ours + 2, &e->ip, 4);
    pppoe_control(e, s, PPP_IPCP, PPP_REQUEST, 1, ours, sizeof ours);
  }
  if (code == PPP_ACK && address) s->open = true;
}

static void pppoe_ppp(PPPoEServer *e, PPPoESession *s, uint16_t protocol, const uint8_t *d, uint32_t n) {
  if (protocol != PPP_LCP && protocol != PPP_IPCP) {
    uint8_t rejected[64];
    uint32_t part = n < sizeof rejected - 2 ? n : sizeof rejected - 2;
    wire_put16(rejected, protocol);
    memcpy(rejected + 2, d, part);
    pppoe_control(e, s, PPP_LCP, PPP_PROTOCOL_REJECT, 1, rejected, part + 2);
    return;
  }
  uint32_t length = n >= 4 ? wire_get16(d + 2) : 0;
  if (length < 4 || length > n) return;
  if (d[0] == PPP_REQUEST)
    pppoe_configure(e, s, protocol, d[1], d + 4, length - 4);
  else if (d[0] == PPP_TERMINATE) {
    pppoe_control(e, s, protocol, PPP_TERMINATED, d[1], NULL, 0);
    pppoe_end(e, s);
  } else if (d[0] == PPP_ECHO && protocol == PPP_LCP && length >= 8)
    pppoe_control(e, s, protocol, PPP_ECHOED, d[1], &s->magic, 4);
}

/* ---- Packets ------------------------------------------------------------------------------------------ */

/* From a subscriber. Takes p. */
static void pppoe_receive(PPPoEServer *e, Packet *p) {
  const uint8_t *d = p->data;
  uint16_t type = p->len >= PPPOE_FRAME + 2 && d[14] == 0x11 ? wire_get16(d + 12) : 0;
  if (type == PPPOE_DISCOVERY && !(d[6] & 1)) {
    pppoe_discovery(e, d, p->len);
    packet_free(p);
    return;
  }
  uint16_t id = type == PPPOE_SESSION ? wire_get16(d + 16) : 0, length = type ? wire_get16(d + 18) : 0;
  PPPoESession *s = id && id <= e->capacity ? &e->sessions[id - 1] : NULL;
  if (!s || !s->used || d[15] || length < 2 || length > p->len - PPPOE_FRAME ||
      !wire_same_ether(s->ether, d + 6) || !wire_same_ether(d, e->ether)) {
    e->drops++;
    packet_free(p);
    return;
  }
  s->last = time_steady(&e->base);
  uint16_t protocol = wire_get16(d + PPPOE_FRAME);
  const uint8_t *ip = d + PPPOE_FRAME + 2;
  if (protocol != PPP_IP) {
    pppoe_ppp(e, s, protocol, ip, length - 2u);
    packet_free(p);
  } else if (!s->open || length < 22 || *ip >> 4 != 4 ||
             load32(ip + 12) != pppoe_address(e, (uint32_t)(s - e->sessions))) {
    e->drops++;
    packet_free(p);
  } else {
    s->rx_packets++;
    s->rx_bytes += length - 2u;
    packet_take(p, p->len - PPPOE_FRAME - length);
    packet_pull(p, PPPOE_FRAME + 2);
    packet_set_network(p, p->data, (*p->data & 15u) * 4);
    output_push(&e->base, 1, p);
  }
}

/* To a subscriber. Takes p. */
static void pppoe_transmit(PPPoEServer *e, Packet *p) {
  PPPoESession *s = p->len >= 20 ? pppoe_session_of(e, load32(p->data + 16)) : NULL;
  uint32_t length = p->len;
  if (!s || length > 1492) {
    e->drops++;
    output_push(&e->base, 2, p);
    return;
  }
  if (!packet_push(p, PPPOE_FRAME + 2)) {
    packet_free(p);
    return;
  }
  uint8_t *d = p->data;
  memcpy(d, s->ether, 6);
  memcpy(d + 6, e->ether, 6);
  wire_put16(d + 12, PPPOE_SESSION);
  d[14] = 0x11;
  d[15] = 0;
  wire_put16(d + 16, (uint16_t)(s - e->sessions + 1));
  wire_put16(d + 18, (uint16_t)(length + 2));
  wire_put16(d + PPPOE_FRAME, PPP_IP);
  p->mac = d;
  s->tx_packets++;
  s->tx_bytes += length;
  output_push(&e->base, 0, p);
}

static void pppoe_push(Element *el, int port, Packet **p, unsigned n) {
  for (unsigned i = 0; i < n; i++) (port ? pppoe_transmit : pppoe_receive)((PPPoEServer *)el, p[i]);
}

/* ---- Setting up --------------------------------------------------------------------------------------- */

static int pppoe_configure_element(Element *el, const Args *args, Errors *errs) {
  PPPoEServer *e = (PPPoEServer *)el;
  (void)args;
  e->pool.addr &= e->pool.mask;
  uint64_t room = (uint64_t)be32(~e->pool.mask) + 1;
  if (room < (uint64_t)e->capacity + 3)
    e->capacity = room > 3 ? (uint32_t)room - 3 : 0; /* the network, the broadcast address, ours */
  if (!e->capacity) return error(errs, "POOL has no addresses for subscribers");
  if (strlen(e->name) > 64) return error(errs, "NAME is longer than 64 bytes");
  e->sessions = mem_alloc(e->capacity * sizeof *e->sessions);
  return e->sessions ? 0 : error(errs, "out of memory");
}

static void pppoe_cleanup(Element *el) {
  mem_free(((PPPoEServer *)el)->sessions);
  mem_free(((PPPoEServer *)el)->name);
}

static void pppoe_take_state(Element *el, Element *old) {
  PPPoEServer *e = (PPPoEServer *)el, *o = (PPPoEServer *)old;
  if (e->capacity != o->capacity || e->pool.addr != o->pool.addr || e->pool.mask != o->pool.mask ||
      e->ip != o->ip || !wire_same_ether(e->ether, o->ether))
    return; /* other addresses: subscribers must begin anew */
  PPPoESession *mine = e->sessions;
  e->sessions = o->sessions;
  o->sessions = mine;
  e->refused = o->refused;
  e->drops = o->drops;
}

static int pppoe_sessions(Element *el, const Handler *h, const char *param, Text *out, Errors *errs) {
  const PPPoEServer *e = (PPPoEServer *)el;
  (void)param, (void)errs;
  uint32_t open = 0;
  for (uint32_t n = 0; n < e->capacity; n++) {
    const PPPoESession *s = &e->sessions[n];
    uint32_t ip = pppoe_address(e, n);
    open += s->open;
    if (s->used && h->data)
      text_printf(out, "%u %pE %pI %s %llu %llu %llu %llu\n", n + 1, (const void *)s->ether,
                  (const void *)&ip, s->open ? "open" : "discovered", (unsigned long long)s->rx_packets,
                  (unsigned long long)s->rx_bytes, (unsigned long long)s->tx_packets,
                  (unsigned long long)s->tx_bytes);
  }
  if (!h->data) text_printf(out, "%u", open);
  return 0;
}

static int pppoe_terminate(Element *el, const Handler *h, const char *value, Errors *errs) {
  PPPoEServer *e = (PPPoEServer *)el;
  (void)h;
  uint32_t n = 0;
  while (is_digit(*value) && n < 100000) n = 10 * n + (uint32_t)(*value++ - '0');
  if (*value || !n || n > e->capacity || !e->sessions[n - 1].used)
    return error(errs, "there is no such session");
  pppoe_end(e, &e->sessions[n - 1]);
  return 0;
}

ELEMENT(PPPoEServer, .ports = "2/2-3", .processing = "h/h", .push = pppoe_push,
        .configure = pppoe_configure_element, .cleanup = pppoe_cleanup, .take_state = pppoe_take_state,
        .args = ARGS(ARG_MUST(PPPoEServer, ETHER, "ETHER", ether), ARG_MUST(PPPoEServer, IP, "IP", ip),
                     ARG_MUST(PPPoEServer, IP_PREFIX, "POOL", pool),
                     ARG(PPPoEServer, STRING, "NAME", name, "clicklet"),
                     ARG(PPPoEServer, U32, "SESSIONS", capacity, "256", .min = 1, .max = 65535),
                     ARG(PPPoEServer, INTERVAL, "TIMEOUT", timeout, "300"),
                     ARG(PPPoEServer, IP, "DNS", dns, NULL)),
        .handlers = HANDLERS(READ_FN("sessions", pppoe_sessions, .data = 1), READ_FN("count", pppoe_sessions),
                             READ_FIELD(PPPoEServer, U64, "refused", refused),
                             READ_FIELD(PPPoEServer, U64, "drops", drops),
                             WRITE_FN("terminate", pppoe_terminate)));
