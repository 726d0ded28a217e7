/* sandbox.c */
#include "monitor.h"
void sandbox_enter(void) {}
