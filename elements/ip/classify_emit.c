/* classify_emit.c: a decision graph as C, for the fused engine. */
#include "classify.h"

#define EMIT_MAX 4096 /* tests; beyond, compiling takes too long for what it gives */
#define SWITCH_FROM 4 /* comparisons of the same bytes from which a switch is better */

static void emit_go(Text *out, int32_t to) {
  if (to == CLASSIFY_DROP)
    text_add_string(out, "return PACKET_DROP;");
  else if (to < 0)
    text_printf(out, "return %d;", (int)~to);
  else
    text_printf(out, "goto t%d;", (int)to);
}

static void emit_word(const Classify *c, const ClassifyTest *t, Text *out) {
  unsigned at = t->offset;
  const char *area = "d";
  if (!c->flat && at >= CLASSIFY_TRANSPORT)
    area = "t", at -= CLASSIFY_TRANSPORT;
  else if (!c->flat)
    area = "n", at -= CLASSIFY_NETWORK;
  text_printf(out, "(load32(%s + %u) & 0x%xu)", area, at, t->mask);
}

/* How many tests from t on, each reached when the one before fails, compare the same bytes. */
static unsigned same_bytes(const Classify *c, int32_t t) {
  unsigned n = 1;
  for (int32_t next = c->tests[t].next[0]; next >= 0; next = c->tests[next].next[0], n++)
    if (c->tests[next].offset != c->tests[t].offset || c->tests[next].mask != c->tests[t].mask) break;
  return n;
}

/* Is `value` compared with the same bytes already, from test t on, before test `end`? */
static bool compared(const Classify *c, int32_t t, int32_t end, uint32_t value) {
  for (; t != end; t = c->tests[t].next[0])
    if (c->tests[t].value == value) return true;
  return false;
}

bool classify_emit(const Classify *c, Text *out) {
  if (c->ntests > EMIT_MAX || (!c->flat && c->safe[0])) return false;
  if (!c->ntests) {
    text_add_string(out, "  ");
    emit_go(out, c->all);
    text_add_char(out, '\n');
    return true;
  }
  if (c->flat)
    text_printf(out, "  const uint8_t *d = p->data;\n  ACTION_RARE(p->len < %u);\n", c->safe[0]);
  else
    text_printf(out,
                "  const uint8_t *n = p->network, *t = p->transport, *end = packet_end(p);\n"
                "  ACTION_RARE(!n || !t || end - n < %u || end - t < %u);\n",
                c->safe[1], c->safe[2]);
  for (uint32_t i = 0; i < c->ntests; i++) {
    const ClassifyTest *t = &c->tests[i];
    text_printf(out, "t%u: ", i);
    if (same_bytes(c, (int32_t)i) >= SWITCH_FROM) {
      text_add_string(out, "switch (");
      emit_word(c, t, out);
      text_add_string(out, ") {\n");
      int32_t next = (int32_t)i;
      for (; next >= 0 && c->tests[next].offset == t->offset && c->tests[next].mask == t->mask;
           next = c->tests[next].next[0]) {
        if (compared(c, (int32_t)i, next, c->tests[next].value)) continue;
        text_printf(out, "  case 0x%xu: ", c->tests[next].value);
        emit_go(out, c->tests[next].next[1]);
        text_add_char(out, '\n');
      }
      text_add_string(out, "  default: ");
      emit_go(out, next);
      text_add_string(out, "\n  }\n");
      continue;
    }
    text_add_string(out, "if (");
    emit_word(c, t, out);
    text_printf(out, " == 0x%xu) ", t->value);
    emit_go(out, t->next[1]);
    text_add_char(out, ' ');
    if (t->next[0] != (int32_t)i + 1) emit_go(out, t->next[0]);
    text_add_char(out, '\n');
  }
  return true;
}
