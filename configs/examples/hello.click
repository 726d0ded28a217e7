// The smallest router that does something: make five packets, print each, drop them, stop.
//
//   clicklet run configs/examples/hello.click
//
// Packets flow along the arrows. Print and Discard take whatever is pushed into them.

InfiniteSource(DATA "Hello, packets!", LIMIT 5, STOP true)
  -> Print(hello)
  -> Discard;
