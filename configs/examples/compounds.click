// Compound elements: a name for a piece of graph, with parameters and ports of its own.
//
//   clicklet flatten configs/examples/compounds.click

// One input, two outputs: packets that match leave on output 0, all others on output 1.
elementclass Sort { $pattern, LABEL $label |
  input -> c :: Classifier($pattern, -);
  c [0] -> Print($label) -> [0] output;
  c [1] -> [1] output;
}

// The same name with other parameters: the body is chosen by arguments and ports. Inside, and after
// `...`, Sort is still the definition above.
elementclass Sort {
  $pattern | input -> s :: Sort($pattern, LABEL sorted); s [0, 1] => [0, 1] output
|| ...
}

InfiniteSource(DATA "aardvark", LIMIT 2, STOP true)
  -> first :: Sort(0/61, LABEL starts-with-a)
  -> second :: Sort(1/62)                     // LABEL sorted, by the second definition
  -> Discard;

first [1] -> rest :: Counter -> Discard;
second [1] -> rest;
