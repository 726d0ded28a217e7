/** DebugBridge: prints the messages of the spanning tree protocol.
 *
 * Synopsis: `DebugBridge(LABEL)`
 *
 * Prints one line for each packet, an 802.3 frame as EtherSpanTree sends it, and lets it through. A
 * configuration message: bridge and port that sent it, whether it acknowledges (`TCA`) or tells of (`TC`) a
 * change, the cost, the root, and its age, maximum age, hello time and forwarding delay in 256ths of a
 * second; identifiers, ports and costs in hexadecimal. A topology change notice is `TCM`. A packet too short
 * for a message is let through in silence.
 *
 * Arguments: LABEL (string): stands in front of the line.
 *
 * Handlers: none.
 *
 * Example: `FromDump(in.pcap, STOP true) -> c :: Classifier(14/4242, -) -> DebugBridge(bpdu) -> Discard;
 * c[1] -> Discard;`
 */
#include "../ethernet/wire.h"

typedef struct DebugBridge {
  Element base;
  char *label;
} DebugBridge;

enum { BRIDGE_TYPE = 20, BRIDGE_NOTICE = 128, BRIDGE_MESSAGE_END = 52 };

static inline int debug_bridge(DebugBridge *e, Packet *p) {
  const uint8_t *d = p->data;
  if (p->len > BRIDGE_TYPE && d[BRIDGE_TYPE] == BRIDGE_NOTICE)
    chatter(NULL, "%s TCM", e->label);
  else if (p->len >= BRIDGE_MESSAGE_END)
    chatter(NULL, "%s %3s %16llx:%04x: %3s %2s  %08x -> %16llx  a/m/h/d: %x/%x/%x/%x", e->label,
            d[BRIDGE_TYPE] ? "???" : "CFG", (unsigned long long)be64(load64(d + 34)), wire_get16(d + 42),
            d[21] & 0x80 ? "TCA" : "tca", d[21] & 1 ? "TC" : "tc", be32(load32(d + 30)),
            (unsigned long long)be64(load64(d + 22)), wire_get16(d + 44), wire_get16(d + 46),
            wire_get16(d + 48), wire_get16(d + 50));
  return 0;
}

ACTION(DebugBridge, debug_bridge)

static void debug_bridge_cleanup(Element *e) { mem_free(((DebugBridge *)e)->label); }

ELEMENT(DebugBridge, .ports = "1/1", .ordered = true, USE_ACTION(DebugBridge, debug_bridge),
        .cleanup = debug_bridge_cleanup, .args = ARGS(ARG_MUST(DebugBridge, STRING, "LABEL", label)));
