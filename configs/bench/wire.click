// The least a router can do: 64-byte frames from memory through a Counter.
define($LIMIT 10000000);

InfiniteSource(LENGTH 64, LIMIT $LIMIT, STOP true, TIMESTAMP false)
  -> c :: Counter
  -> Discard;
