/* ring.h: virtqueue layouts, feature bits and the net header, shared by the driver (guest) and the device
 * (host). Section numbers are those of "Virtual I/O Device (VIRTIO) Version 1.2". Everything is little
 * endian; Clicklet runs on little-endian machines only, so fields are plain integers. */
#ifndef CLICKLET_VIRTIO_RING_H
#define CLICKLET_VIRTIO_RING_H
#include <clicklet/base.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little endian");

/* Ownership of the line at p, ahead of a store. */
always_inline void prefetch_write(const void *p) {
#ifdef __x86_64__
  __asm__ volatile("prefetchw %0" : : "m"(*(const char *)p));
#else
  __builtin_prefetch(p, 1);
#endif
}

/* ---- Feature bits (2.2, 5.1.3, 6) --------------------------------------------------------------------- */

#define FEATURE(bit) (UINT64_C(1) << (bit))
#define VIRTIO_NET_F_CSUM FEATURE(0)
#define VIRTIO_NET_F_GUEST_CSUM FEATURE(1)
#define VIRTIO_NET_F_MTU FEATURE(3)
#define VIRTIO_NET_F_MAC FEATURE(5)
#define VIRTIO_NET_F_MRG_RXBUF FEATURE(15) /* a received frame may span several buffers */
#define VIRTIO_NET_F_STATUS FEATURE(16)    /* config.status holds the link state */
#define VIRTIO_NET_F_MQ FEATURE(22)
#define VHOST_F_LOG_ALL FEATURE(26)
#define VIRTIO_F_ANY_LAYOUT FEATURE(27) /* legacy: the net header need not have a descriptor of its own */
#define VIRTIO_F_INDIRECT_DESC FEATURE(28)
#define VIRTIO_F_EVENT_IDX FEATURE(29)
#define VHOST_USER_F_PROTOCOL_FEATURES FEATURE(30) /* vhost-user only, never shown to a driver */
#define VIRTIO_F_VERSION_1 FEATURE(32)
#define VIRTIO_F_ACCESS_PLATFORM FEATURE(33)
#define VIRTIO_F_RING_PACKED FEATURE(34)
#define VIRTIO_F_IN_ORDER FEATURE(35)
#define VIRTIO_F_NOTIFICATION_DATA FEATURE(38)

/* ---- Split virtqueues (2.7) --------------------------------------------------------------------------- */

enum { VIRTQ_SIZE_MAX = 32768, VIRTQ_NET_SIZE = 1024 /* default size of Clicklet's rings */ };
enum { VIRTQ_DESC_NEXT = 1, VIRTQ_DESC_WRITE = 2 /* the device writes */, VIRTQ_DESC_INDIRECT = 4 };
enum { VIRTQ_AVAIL_NO_INTERRUPT = 1, VIRTQ_USED_NO_NOTIFY = 1 }; /* 2.7.7, 2.7.10; without EVENT_IDX */

typedef struct VirtqDesc { /* 2.7.5; the table is 16-byte aligned */
  uint64_t addr;           /* guest-physical */
  uint32_t len;
  uint16_t flags, next;
} VirtqDesc;

typedef struct VirtqAvail { /* 2.7.6; 2-byte aligned; used_event (2.7.7) follows ring[size] */
  uint16_t flags, idx;
  uint16_t ring[];
} VirtqAvail;

typedef struct VirtqUsedElem {
  uint32_t id;  /* head of the used chain */
  uint32_t len; /* bytes the device wrote */
} VirtqUsedElem;

typedef struct VirtqUsed { /* 2.7.8; 4-byte aligned; avail_event (2.7.10) follows ring[size] */
  uint16_t flags, idx;
  VirtqUsedElem ring[];
} VirtqUsed;

_Static_assert(sizeof(VirtqDesc) == 16 && sizeof(VirtqUsedElem) == 8, "2.7: entry sizes");
_Static_assert(offsetof(VirtqAvail, ring) == 4 && offsetof(VirtqUsed, ring) == 4, "2.7: ring offsets");

/* Bytes of each area, the event fields included (they are there whether or not EVENT_IDX was negotiated). */
always_inline size_t virtq_desc_bytes(uint32_t size) { return sizeof(VirtqDesc) * size; }
always_inline size_t virtq_avail_bytes(uint32_t size) { return sizeof(VirtqAvail) + 2 * (size_t)size + 2; }
always_inline size_t virtq_used_bytes(uint32_t size) {
  return sizeof(VirtqUsed) + sizeof(VirtqUsedElem) * (size_t)size + 2;
}

always_inline uint16_t *virtq_used_event(VirtqAvail *a, uint32_t size) { return &a->ring[size]; }
always_inline uint16_t *virtq_avail_event(VirtqUsed *u, uint32_t size) { return (uint16_t *)&u->ring[size]; }

/* 2.7.7.2, 2.7.10: whether moving an index from `old` to `now` passed `event`, so that the other side is
 * notified. */
always_inline bool virtq_need_event(uint16_t event, uint16_t now, uint16_t old) {
  return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

/* ---- Packed virtqueues (2.8) -------------------------------------------------------------------------- */

enum { PACKED_DESC_AVAIL = 1 << 7, PACKED_DESC_USED = 1 << 15 }; /* 2.8.1; next to NEXT and WRITE above */
enum {
  PACKED_EVENT_ENABLE = 0,
  PACKED_EVENT_DISABLE = 1,
  PACKED_EVENT_DESC = 2
}; /* 2.8.10; DESC: with EVENT_IDX */

typedef struct PackedDesc { /* 2.8.13; the ring is 16-byte aligned */
  uint64_t addr;            /* guest-physical */
  uint32_t len;
  uint16_t id;    /* buffer id */
  uint16_t flags; /* written last by whoever passes the descriptor on */
} PackedDesc;

typedef struct PackedEvent { /* 2.8.14: the driver area and the device area; 4-byte aligned */
  uint16_t off_wrap;         /* bits 0-14 ring offset, bit 15 wrap counter */
  uint16_t flags;            /* PACKED_EVENT_* */
} PackedEvent;

_Static_assert(sizeof(PackedDesc) == 16 && offsetof(PackedDesc, flags) == 14, "2.8.13: packed descriptor");
_Static_assert(sizeof(PackedEvent) == 4, "2.8.14: event suppression");

/* len, id (from bit 32) and flags (from bit 48) of a descriptor in one access, which is atomic. */
always_inline uint64_t packed_word(const PackedDesc *d) {
  return __atomic_load_n((const uint64_t *)(const void *)&d->len, __ATOMIC_ACQUIRE);
}
always_inline void packed_set_word(PackedDesc *d, uint64_t word) {
  __atomic_store_n((uint64_t *)(void *)&d->len, word, __ATOMIC_RELEASE);
}

/* 2.8.1: the AVAIL and USED bits of a descriptor made available, and of one marked used, in a round of the
 * ring. */
always_inline uint16_t packed_avail_bits(bool wrap) { return wrap ? PACKED_DESC_AVAIL : PACKED_DESC_USED; }
always_inline uint16_t packed_used_bits(bool wrap) { return wrap ? PACKED_DESC_AVAIL | PACKED_DESC_USED : 0; }
always_inline bool packed_is_avail(uint16_t flags, bool wrap) {
  return (flags & (PACKED_DESC_AVAIL | PACKED_DESC_USED)) == packed_avail_bits(wrap);
}
always_inline bool packed_is_used(uint16_t flags, bool wrap) {
  return (flags & (PACKED_DESC_AVAIL | PACKED_DESC_USED)) == packed_used_bits(wrap);
}

/* ---- The network device (5.1) ------------------------------------------------------------------------- */

enum { VIRTIO_ID_NET = 1 };
enum { VIRTIO_NET_RX = 0, VIRTIO_NET_TX = 1 }; /* 5.1.2: queues of the first pair, as the driver sees them */
enum { VIRTIO_NET_STATUS_LINK_UP = 1 };
/* The longest frame that Clicklet's drivers always keep room for and its monitor's ports carry: an MTU of
 * 9,216 bytes, the Ethernet header, VLAN tags. */
enum { NET_FRAME_MAX = 9216 + 64 };

typedef struct VirtioNetHeader { /* 5.1.6: in front of every frame; all zero but num_buffers without offloads
                                  */
  uint8_t flags, gso_type;
  uint16_t hdr_len, gso_size, csum_start, csum_offset;
  uint16_t num_buffers; /* received frames: buffers it spans, 1 without MRG_RXBUF. Absent in legacy without
                           MRG_RXBUF */
} VirtioNetHeader;

typedef struct VirtioNetConfig { /* 5.1.4, as far as used here */
  uint8_t mac[6];
  uint16_t status, max_virtqueue_pairs, mtu;
} VirtioNetConfig;

_Static_assert(sizeof(VirtioNetHeader) == 12, "5.1.6: net header");
_Static_assert(sizeof(VirtioNetConfig) == 12 && offsetof(VirtioNetConfig, mtu) == 10,
               "5.1.4: net configuration");

/* 5.1.6.1: the header's length under the negotiated features. */
always_inline uint32_t virtio_net_header_bytes(uint64_t features) {
  return features & (VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF) ? 12 : 10;
}

#endif
