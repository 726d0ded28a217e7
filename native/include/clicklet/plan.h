/* plan.h: the flat, checked element graph as the front end hands it to an engine. Little endian, version 1,
 * offsets in bytes from the start of the plan. The engine validates every offset and index: a plan is input,
 * not trusted. */
#ifndef CLICKLET_PLAN_H
#define CLICKLET_PLAN_H
#include <stdint.h>

#define PLAN_MAGIC 0x4e4c504bu /* "KPLN" */
#define PLAN_VERSION 1u

typedef struct PlanHeader {
  uint32_t magic, version;
  uint32_t size;                          /* of the whole plan */
  uint32_t flags;                         /* PLAN_* */
  uint32_t batch_limit;                   /* 0: decided by the elements */
  uint32_t elements, element_count;       /* PlanElement[] */
  uint32_t args, arg_count;               /* PlanArg[] */
  uint32_t connections, connection_count; /* PlanConnection[] */
  uint32_t ports,
      port_count; /* uint8_t[]: 0 push, 1 pull; each element's inputs then its outputs, in order */
  uint32_t strings, strings_size; /* NUL-terminated strings; string offsets below count from here */
  uint32_t source;       /* string: the configuration's text, for the handlers config and flatconfig */
  uint32_t requirements; /* string: one a line */
} PlanHeader;

typedef struct PlanElement {
  uint32_t name, class_name, landmark; /* strings; landmark is "file:line" */
  uint32_t config;                     /* string: the arguments as one text, for the handler config */
  uint32_t first_arg;
  uint16_t arg_count, ninputs, noutputs;
  uint16_t
      threads; /* engine threads that have it, a bit each; 0: the first. More than one: each has its own */
  uint32_t first_port; /* into ports */
} PlanElement;

typedef struct PlanArg {
  uint32_t text;
} PlanArg; /* string: comments and surrounding space removed. Where it stands in
            * the source is known to the front end, by element and argument. */

typedef struct PlanConnection {
  uint32_t from, to;
  uint16_t from_port, to_port;
} PlanConnection; /* element indexes */

_Static_assert(sizeof(PlanHeader) == 68 && sizeof(PlanElement) == 32 && sizeof(PlanArg) == 4 &&
                   sizeof(PlanConnection) == 12,
               "plan layout");

#endif
