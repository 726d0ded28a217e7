// Address translation in the steady state: 64-byte TCP packets of one flow from memory.
define($LIMIT 10000000);

InfiniteSource(DATA \<
    45000040 00004000 40066eaf 0a000002 c0000207
    1388 0050 00000001 00000000 50102000 afda 0000
    000000000000000000000000000000000000000000000000>,
  LIMIT $LIMIT, STOP true, TIMESTAMP false)
  -> MarkIPHeader
  -> rewriter :: IPRewriter(pattern 203.0.113.1 1024-65535 - - 0 1, drop)
  -> c :: Counter
  -> Discard;
Idle -> [1] rewriter;
rewriter[1] -> Discard;
