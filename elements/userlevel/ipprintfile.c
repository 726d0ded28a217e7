/* ipprintfile.c: the file of IPPrint's OUTFILE. */
#include "../ip/ipprint.h"
#include <stdio.h>

void *ip_print_file_open(const char *name) { return fopen(name, "wb"); }
void ip_print_file_write(void *file, const char *s, size_t n) { fwrite(s, 1, n, file); }
void ip_print_file_close(void *file) { fclose(file); }
