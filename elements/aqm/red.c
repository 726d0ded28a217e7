/** RED: drops packets before the queue is full, the more of them the longer the queue is (Random Early
 * Detection).
 *
 * Synopsis: `RED(MIN_THRESH, MAX_THRESH, MAX_P [, <keywords> QUEUES, STABILITY, GENTLE])`
 *
 * Watches a moving average of the length of the queues near it: those downstream if it is pushed to, those
 * upstream if it is pulled from. Marked packets are dropped, or leave on output 1.
 *
 * Arguments: MIN_THRESH, MAX_THRESH (packets): up to MIN_THRESH nothing is marked; from there the probability
 * grows to MAX_P (0 to 1) at MAX_THRESH. QUEUES (names): the queues to watch. STABILITY (0 to 16): how slowly
 * the average follows: the weight of a new value is 2^-STABILITY; 0: the length itself. Default 4. GENTLE
 * (bool): above MAX_THRESH the probability grows on to 1 at twice that length, instead of being 1. Default
 * true.
 *
 * Handlers: `min_thresh`, `max_thresh`, `max_p` (read/write). `drops`, `queues`, `avg_queue_size`, `stats`
 * (read).
 *
 * With STABILITY 0 the reference's average stays 0.
 *
 * Example: `RatedSource(RATE 100) -> RED(5, 50, 0.02) -> Queue(200) -> LinkUnqueue(0, 512kbps) -> Discard;`
 */
#include "red.h"

ELEMENT(RED, RED_CLASS, .initialize = red_initialize,
        .args = ARGS(ARG_MUST(RED, U32, "MIN_THRESH", min_thresh, .min = 0, .max = 0xffff),
                     ARG_MUST(RED, U32, "MAX_THRESH", max_thresh, .min = 0, .max = 0xffff), RED_ARGS));
