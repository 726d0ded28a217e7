/* fromipsummarydump_lines.c: what is read from an IP summary dump: directives, lines and records of packets.
 */
#include "fromipsummarydump.h"

void summary_complain(FromIPSummaryDump *f, const char *format, const char *what) {
  Text t = {0};
  text_printf(&t, format, what);
  chatter(&f->base, "%s:%llu: %s", f->file.name ? f->file.name : "", (unsigned long long)f->file.line,
          text_cstr(&t));
  text_free(&t);
}

/* ---- Lines that are not packets
 * -------------------------------------------------------------------------------------- */

void summary_set_fields(FromIPSummaryDump *f, const char *s) {
  Text word = {0};
  f->nfields = 0;
  for (; (s = next_word(s, &word, NULL)); text_clear(&word)) {
    SummaryId id = summary_find(text_cstr(&word));
    if (id == SUM_UNKNOWN)
      summary_complain(f, "there is no field '%s'", text_cstr(&word));
    else if (summary_fields[id].order < 0)
      summary_complain(f, "field '%s' cannot be read", text_cstr(&word));
    if (f->nfields == countof(f->fields)) {
      summary_complain(f, "too many fields at '%s'", text_cstr(&word));
      break;
    }
    f->fields[f->nfields++] = (int16_t)(id == SUM_UNKNOWN ? SUM_none : id);
  }
  text_free(&word);
  for (unsigned i = 0; i < f->nfields; i++) {
    unsigned k = i;
    for (; k > 0 && summary_fields[f->fields[f->order[k - 1]]].order > summary_fields[f->fields[i]].order;
         k--)
      f->order[k] = f->order[k - 1];
    f->order[k] = (uint8_t)i;
  }
}

static void set_proto(FromIPSummaryDump *f, const char *word) {
  uint64_t v;
  if (!strcmp(word, "T") || !compare_ignore_case(word, "tcp"))
    f->proto = 6;
  else if (!strcmp(word, "U") || !compare_ignore_case(word, "udp"))
    f->proto = 17;
  else if (!strcmp(word, "I") || !compare_ignore_case(word, "icmp"))
    f->proto = 1;
  else if (parse_u64(word, &v) && v < 256)
    f->proto = (uint8_t)v;
  else
    summary_complain(f, "'%s' is not a protocol", word);
}

bool summary_set_flow(FromIPSummaryDump *f, const char *text) {
  char *w[8] = {0};
  unsigned n = split_words(text, w, countof(w));
  SummaryFlow flow = {0};
  uint64_t ports[2] = {0};
  bool ok = n == 4 || n == 5;
  for (unsigned i = 0; ok && i < 4; i++) {
    if (!strcmp(w[i], "-")) continue;
    ok = i % 2 ? parse_u64(w[i], &ports[i / 2]) && ports[i / 2] < 65536
               : arg_parse_ip(&f->base, w[i], i ? &flow.dst : &flow.src);
  }
  flow.sport = be16((uint16_t)ports[0]);
  flow.dport = be16((uint16_t)ports[1]);
  if (ok && n == 5) set_proto(f, w[4]);
  f->has_flow = ok;
  f->flow = flow;
  for (unsigned i = 0; i < n && i < countof(w); i++) mem_free(w[i]);
  return ok;
}

/* What stands behind `word` if the line begins with it. */
static const char *directive(const char *line, const char *word) {
  size_t n = strlen(word);
  if (strncmp(line, word, n) || (line[n] && !is_space(line[n]))) return NULL;
  for (line += n; is_space(*line); line++) {}
  return line;
}

static void read_directive(FromIPSummaryDump *f, const char *line) {
  const char *s;
  uint64_t v;
  Text word = {0};
  if ((s = directive(line, "!data")) || (s = directive(line, "!contents")))
    summary_set_fields(f, s);
  else if ((s = directive(line, "!flowid"))) {
    if (!summary_set_flow(f, s)) summary_complain(f, "bad !flowid '%s'", s);
  } else if ((s = directive(line, "!proto"))) {
    next_word(s, &word, NULL);
    set_proto(f, text_cstr(&word));
  } else if ((s = directive(line, "!aggregate"))) {
    f->has_aggregate = parse_u64(s, &v) && v <= UINT32_MAX;
    if (f->has_aggregate)
      f->aggregate = (uint32_t)v;
    else
      summary_complain(f, "bad !aggregate '%s'", s);
  } else if (directive(line, "!binary")) {
    f->binary = true;
    f->file.line = 0;
  }
  text_free(&word);
}

/* ---- Packets
 * -------------------------------------------------------------------------------------------------------- */

/* The next record into f->line. 0: end, 1: a packet's record, 2: text. */
static int read_record(FromIPSummaryDump *f) {
  if (!f->binary) return dump_line(&f->file, &f->line) ? 2 : 0;
  size_t left;
  const uint8_t *h = dump_peek(&f->file, 4, &left);
  if (!h) {
    if (left) summary_complain(f, "the file ends within a %s", "record");
    return 0;
  }
  bool text = h[0] & 0x80;
  uint32_t n = be32(load32(h)) & 0x7fffffff;
  if (n < 4 || n > 1 << 24 || !(h = dump_peek(&f->file, n, NULL))) {
    summary_complain(f, n < 4 || n > 1 << 24 ? "bad %s length" : "the file ends within a %s", "record");
    return 0;
  }
  text_clear(&f->line);
  text_add(&f->line, (const char *)h + 4, n - 4);
  while (text && f->line.len && (!f->line.s[f->line.len - 1] || is_space(f->line.s[f->line.len - 1])))
    f->line.s[--f->line.len] = 0;
  dump_take(&f->file, n);
  f->file.line++;
  return text ? 2 : 1;
}

static unsigned take_binary(FromIPSummaryDump *f) {
  const uint8_t *s = (const uint8_t *)text_cstr(&f->line);
  size_t n = f->line.len;
  unsigned taken = 0;
  for (unsigned i = 0; i < f->nfields;
       i++) { /* the order of application does not matter for values without names */
    int used = summary_take_binary(&f->build, (SummaryId)f->fields[i], s, n);
    if (used < 0) break;
    s += used;
    n -= (size_t)used;
    taken += used > 0;
  }
  return taken;
}

static unsigned take_text(FromIPSummaryDump *f) {
  uint32_t begin[64], length[64];
  const char *s = text_cstr(&f->line), *p = s;
  unsigned taken = 0;
  for (unsigned i = 0; i < f->nfields; i++) {
    begin[i] = (uint32_t)(p - s);
    while (*p && !is_space(*p)) {
      if (*p++ != '"') continue;
      while (*p && *p != '"') p += *p == '\\' && p[1] ? 2 : 1;
      if (*p) p++;
    }
    length[i] = (uint32_t)(p - s) - begin[i];
    while (is_space(*p)) p++;
  }
  Text word = {0};
  for (unsigned i = 0; i < f->nfields; i++) {
    unsigned k = f->order[i];
    text_clear(&word);
    text_add(&word, s + begin[k], length[k]);
    if (word.len && strcmp(word.s, "-") && f->fields[k] != SUM_none)
      taken += summary_take_text(&f->build, (SummaryId)f->fields[k], word.s);
  }
  text_free(&word);
  return taken;
}

static bool blank(const char *s) {
  while (is_space(*s)) s++;
  return !*s;
}

Packet *summary_read_packet(FromIPSummaryDump *f) {
  int kind;
  do {
    kind = read_record(f);
    if (!kind) {
      f->ended = true;
      dump_close(&f->file);
      return NULL;
    }
    if (kind == 2 && *text_cstr(&f->line) == '!') read_directive(f, text_cstr(&f->line));
  } while (kind == 2 && (!f->line.len || *f->line.s == '!' || *f->line.s == '#'));
  SummaryBuild *b = &f->build;
  summary_build_clear(b);
  b->e = &f->base;
  b->default_proto = f->proto;
  b->flow = f->has_flow ? &f->flow : NULL;
  if (!(kind == 1 ? take_binary(f) : take_text(f))) {
    if (!f->complained && (kind == 1 || !blank(text_cstr(&f->line)))) {
      summary_complain(
          f, f->nfields ? "no field of this line was understood%s" : "no '!data' line said what this is%s",
          "");
      f->complained = true;
    }
    return NULL;
  }
  Packet *p = summary_build(b, f->checksum);
  if (p && f->has_aggregate && !(b->given >> SUM_aggregate & 1))
    set_anno_u32(p, ANNO_AGGREGATE, f->aggregate);
  return p;
}
