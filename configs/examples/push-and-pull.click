// Push and pull. A source pushes packets when it has them; a shaper pulls them when it is ready. A
// Queue stands between: it is the only place where packets wait, and so the only place for drops.
//
//   clicklet run configs/examples/push-and-pull.click
//
// Leave the Queue out and the checker says that a push output meets a pull input.

define($RATE 1000)                    // packets a second; override: clicklet run ... RATE=50

source :: RatedSource(RATE 5000, LIMIT 5000, STOP true);
arrived, passed :: Counter;

source -> arrived -> queue :: Queue(100) -> shaper :: RatedUnqueue($RATE) -> passed -> Discard;

DriverManager(pause, print "arrived:" $(arrived.count),
              print "passed:" $(passed.count), print "dropped:" $(queue.drops));
