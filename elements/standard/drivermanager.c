/** DriverManager: a Script that decides what stopping the driver means.
 *
 * Synopsis: `DriverManager(INSTRUCTION, ...)`
 *
 * A Script whose TYPE is DRIVER. Each stop that an element asks for steps the script past a `pause` (or
 * `wait_stop`); the driver stops when the script ends or says `stop`. Without instructions the first stop
 * stops the driver. A router has at most one.
 *
 * Arguments: the instructions of Script.
 *
 * Handlers: those of Script.
 *
 * Example: `InfiniteSource(LIMIT 3, STOP true) -> c :: Counter -> Discard; DriverManager(pause, print
 * c.count, wait 0.1s, stop);`
 */
#include "script.h"

ELEMENT(DriverManager, .ports = "-/-", .processing = "ah/ah", .push = script_push, .pull = script_pull,
        .configure = script_configure, .initialize = script_initialize, .cleanup = script_cleanup,
        .run_timer = script_timer, .selected = script_selected, .batch_cap = script_batch_cap,
        .extra_handler = script_extra_handler, .handlers = script_handlers,
        .args = ARGS(ARG(Script, RAW, "TYPE", type_text, NULL), ARG_ALL_REST("INSTRUCTION")));
