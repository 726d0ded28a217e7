/* iproutes_emit.c: a small routing table as C, for the fused engine.
 *
 * Four tables of rows, one for each byte of the address; equal rows are one. A lookup is four loads from
 * constant places without a branch, whatever the addresses are, and the hop that it gives selects constants.
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

static void emit_rows(const Rows *r, unsigned level, Text *out) {
  text_printf(out, "  static const uint8_t by%u[%u][256] = {\n", level, r->n);
  for (uint32_t i = 0; i < r->n; i++) {
    text_add_string(out, "    {");
    for (unsigned k = 0; k < 256; k++) text_printf(out, "%s%u", k ? "," : "", r->row[i][k]);
    text_add_string(out, "},\n");
  }
  text_add_string(out, "  };\n");
}

bool ip_routes_specialise(Element *e, Text *out) {
  const IPRoutes *t = (const IPRoutes *)e;
  if (t->irregular || t->trie.packed || t->nroutes > EMIT_ROUTES || t->hops_used > 256) return false;
  Rows rows[4] = {0};
  uint8_t *memory = mem_alloc(sizeof rows / sizeof *rows * EMIT_ROWS * 256);
  for (unsigned i = 0; memory && i < 4; i++) rows[i].row = (uint8_t(*)[256])(memory + i * EMIT_ROWS * 256);
  bool ok = memory && emit_row(&t->trie, 0, 0, rows) >= 0;
  for (unsigned i = 0; ok && i < 4; i++) emit_rows(&rows[i], i, out);
  mem_free(memory);
  if (!ok) return false;
  text_printf(out,
              "  if (unlikely(e->version != %u)) return ip_route(e, p);\n"
              "  uint32_t a = be32(packet_dst_ip(p));\n"
              "  switch (by3[by2[by1[by0[0][a >> 24]][a >> 16 & 255]][a >> 8 & 255]][a & 255]) {\n",
              t->version);
  for (uint32_t i = 1; i < t->hops_used; i++) {
    if (!t->hops[i].refs) continue;
    text_printf(out, "  case %u: ", i);
    if (t->hops[i].gw) text_printf(out, "packet_set_dst_ip(p, 0x%xu); ", t->hops[i].gw);
    text_printf(out, "return %d;\n", (int)t->hops[i].port);
  }
  text_add_string(out, "  default: return ip_routes_no_route(e, p);\n  }\n");
  return true;
}
