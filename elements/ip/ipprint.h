/* ipprint.h: files for IPPrint's OUTFILE; in elements/userlevel, so NULL where there are no files. */
#ifndef CLICKLET_ELEMENTS_IPPRINT_H
#define CLICKLET_ELEMENTS_IPPRINT_H
#include "ip.h"

__attribute__((weak)) void *ip_print_file_open(const char *name); /* NULL if it cannot be written */
__attribute__((weak)) void ip_print_file_write(void *file, const char *s, size_t n);
__attribute__((weak)) void ip_print_file_close(void *file);

#endif
