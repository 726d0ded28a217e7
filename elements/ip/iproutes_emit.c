/* iproutes_emit.c: a small routing table as C, for the fused engine.
 *
 * Rows of 256 entries for each byte of the address; equal rows are one. An entry is where the next byte's row
 * begins, for the last byte the hop. A lookup is four loads without a branch, whatever the addresses are, and
 * the hop that it gives selects constants.
 */
#include "iproutes.h"

#define EMIT_ROUTES 1024 /* larger tables change, and are large */
#define EMIT_ROWS 256    /* of each table: their numbers are bytes */

typedef struct Rows {
  uint8_t (*row)[256];
  uint32_t n;
} Rows;

/* The number of a row with that content, -1 when there are too many. */
static int row_number(Rows *r, const uint8_t content[256]) {
  for (uint32_t i = 0; i < r->n; i++)
    if (!memcmp(r->row[i], content, 256)) return (int)i;
  if (r->n == EMIT_ROWS) return -1;
  memcpy(r->row[r->n], content, 256);
  return (int)r->n++;
}

/* The row that an entry of the trie stands for: a node, or a leaf for all its addresses. */
static int emit_row(const IPTrie *t, uint32_t entry, unsigned level, Rows rows[4]) {
  uint8_t content[256];
  const uint32_t *node = level == 0 ? t->root : entry & TRIE_CHILD ? t->words + (entry & ~TRIE_CHILD) : NULL;
  for (unsigned i = 0; i < 256; i++) {
    int k;
    if (i && !node)
      k = content[0];
    else if (level == 3)
      k = (int)TRIE_VALUE(node ? node[i] : entry);
    else
      k = emit_row(t, node ? node[i] : entry, level + 1, rows);
    if (k < 0 || k > 255) return -1;
    content[i] = (uint8_t)k;
  }
  return row_number(&rows[level], content);
}

/* Where a row begins in the one table that all of them become: those of the first byte in front. */
static uint32_t row_start(const Rows rows[4], unsigned level, uint32_t row) {
  for (unsigned i = 0; i < level; i++) row += rows[i].n;
  return row * 256;
}

bool ip_routes_specialise(Element *e, Text *out) {
  const IPRoutes *t = (const IPRoutes *)e;
  if (t->irregular || t->trie.packed || t->nroutes > EMIT_ROUTES || t->hops_used > 256) return false;
  Rows rows[4] = {0};
  uint8_t *memory = mem_alloc(sizeof rows / sizeof *rows * EMIT_ROWS * 256);
  for (unsigned i = 0; memory && i < 4; i++) rows[i].row = (uint8_t(*)[256])(memory + i * EMIT_ROWS * 256);
  bool ok = memory && emit_row(&t->trie, 0, 0, rows) >= 0;
  uint32_t total = row_start(rows, 4, 0);
  if (ok) text_printf(out, "  static const uint%d_t next[%u] = {", total > 65536 ? 32 : 16, total);
  for (unsigned level = 0; ok && level < 4; level++)
    for (uint32_t row = 0; row < rows[level].n; row++)
      for (unsigned k = 0; k < 256; k++) {
        uint32_t v = rows[level].row[row][k];
        text_printf(out, "%s%u,", k ? "" : "\n    ", level < 3 ? row_start(rows, level + 1, v) : v);
      }
  mem_free(memory);
  if (!ok) return false;
  text_printf(out,
              "\n  };\n"
              "  ACTION_RARE(e->version != %u);\n"
              "  uint32_t a = packet_dst_ip(p);\n"
              "  switch (next[next[next[next[a & 255] + (a >> 8 & 255)] + (a >> 16 & 255)] + (a >> 24)]) {\n",
              t->version);
  for (uint32_t i = 0; i < t->hops_used; i++) {
    text_printf(out, "  case %u: ", i);
    if (!i || !t->hops[i].refs) {
      text_add_string(out, "return PACKET_RARE;\n"); /* no route */
      continue;
    }
    if (t->hops[i].gw) text_printf(out, "packet_set_dst_ip(p, 0x%xu); ", t->hops[i].gw);
    text_printf(out, "return %d;\n", (int)t->hops[i].port);
  }
  text_add_string(out, "  default: __builtin_unreachable();\n  }\n");
  return true;
}
